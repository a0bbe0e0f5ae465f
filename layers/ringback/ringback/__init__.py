"""Ringback: missed calls, IVR, SMS and call patching for campaigns."""
