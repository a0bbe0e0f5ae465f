"""A simulated telephone provider with handsets: a strict stand-in for Exotel, from its documents alone.

It knows nothing of the campaign software it serves: it never imports it and never reads what it stores. It
answers the provider's REST API, walks calls through their flows, carries SMS to handsets, does damage by a
seeded plan, and counts what people received.
"""

from phone_network.config import Config, ConfigError
from phone_network.faults import FaultPlan, FaultPlanError
from phone_network.server import PhoneNetwork, running

__all__ = ["Config", "ConfigError", "FaultPlan", "FaultPlanError", "PhoneNetwork", "running"]
