"""The host of recordings, `/exotelrecordings/{account}/{file}`: with the account's key alone, once they are ready.

SOURCE: Exotel, "Signed URL approach to access call recordings": private since 8 October 2024, HTTP Basic with
the API's key and token. No way to delete a recording is documented: DELETE is refused.
"""

from aiohttp import web

from phone_network.answers import RestError, failure
from phone_network.network import Network
from phone_network.rest_api import authenticate


def routes(network: Network) -> list[web.RouteDef]:
    """Return what the server must route here."""

    async def fetch(request: web.Request) -> web.StreamResponse:
        try:
            return _file(request, network)
        except RestError as error:
            return failure(request.path, error)

    return [web.route("*", "/exotelrecordings/{account}/{name}", fetch)]


def _file(request: web.Request, network: Network) -> web.StreamResponse:
    authenticate(request, network)
    if request.method not in ("GET", "HEAD"):
        raise RestError(405, "Method not allowed on this resource", headers={"Allow": "GET, HEAD"})
    shelf = network.exchange.recordings
    recording = shelf.find(request.match_info["account"], request.match_info["name"])
    if recording is None or not recording.is_ready(network.clock.now()):
        raise RestError(404, "The requested resource was not found")
    if request.method == "GET":
        shelf.note_fetched(recording)
    return web.Response(body=recording.content, content_type=recording.content_type)
