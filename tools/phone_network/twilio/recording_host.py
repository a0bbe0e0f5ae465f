"""The recordings of the second dialect, `/2010-04-01/Accounts/{account}/Recordings/{sid}`: by the account's token.

SOURCE: Twilio, "Recordings resource": WAV unless the address ends in `.mp3`; DELETE removes a recording.
"""

from base64 import b64decode
from dataclasses import replace
from hmac import compare_digest

from aiohttp import web

from phone_network import sounds
from phone_network.network import Network

PATH = r"/2010-04-01/Accounts/{account}/Recordings/{sid:RE[0-9a-f]+}{suffix:(\.mp3|\.wav)?}"


def routes(network: Network) -> list[web.RouteDef]:
    """Return what the server must route here."""

    async def handle(request: web.Request) -> web.StreamResponse:
        account = request.match_info["account"]
        token = next((each.auth_token for each in network.config.twilio if each.sid == account), "")
        if not token or not _knows(request.headers.get("Authorization", ""), account, token):
            return web.Response(status=401)
        shelf = network.exchange.recordings
        recording = shelf.find(account, request.match_info["sid"])
        if recording is None or not recording.is_ready(network.clock.now()):
            return web.Response(status=404)
        if request.method == "DELETE":
            shelf.remove(recording)
            return web.Response(status=204)
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405)
        if request.method == "GET":
            shelf.note_fetched(recording)
        kind = sounds.MP3 if request.match_info["suffix"] == ".mp3" else sounds.WAV
        return web.Response(body=replace(recording, content_type=kind).content, content_type=kind)

    return [web.route("*", PATH, handle)]


def _knows(header: str, account: str, token: str) -> bool:
    scheme, _, encoded = header.partition(" ")
    try:
        given = b64decode(encoded, validate=True)
    except ValueError:
        return False
    return scheme.lower() == "basic" and compare_digest(given, f"{account}:{token}".encode())
