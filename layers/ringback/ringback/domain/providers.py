"""The telephony providers a campaign may use, by name. What they say and how is the business of `ringback.providers`."""

NAMES = ("exotel", "twilio")

USUAL = "exotel"
"""Whoever speaks for a campaign of which nothing else is said."""
