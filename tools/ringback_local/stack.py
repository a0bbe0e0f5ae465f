"""A whole Ringback on this machine: the emulator with `template.yaml` deployed from the sources, and the phone network.

    with Stack(parsed(sample_documents())) as stack:
        urllib.request.urlopen(f"{stack.voice_url('clean-water')}/missed-call?CallSid=1&…")
        stack.wait_until_done()

A stack with a `state` folder keeps everything there and knows it again in its next run; without one it leaves nothing.
"""

import json
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from ringback.domain.campaigns import Campaign
from ringback.providers import twilio
from ringback_local import clock, deploy, fronts, keys, template
from ringback_local.environments import Function, function_of
from ringback_local.faults import Plan
from ringback_local.network import network_config
from ringback_local.processes import HOST, ServerProcess, free_ports, is_process, stop_process
from ringback_local.workarounds.in_template import define_inline, rewrite, unpublished

STATE = template.ROOT / ".local"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
USUAL_PORTS = {"gateway_port": 4566, "api_port": 8080, "network_port": 8090}
"""Where a kept stack listens in its first run, if these are free."""
SECRETS_NAME = "ringback/secrets"


@dataclass(frozen=True, slots=True)
class Options:
    """How a stack differs from the usual one."""

    clock_starts_at: datetime | None = None
    """None takes the clock on from where it stood, or starts it at 11:00 Indian time."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further variables for every function, such as a time constant made shorter."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Template parameters other than ours."""
    visibility_seconds: int | None = None
    """How soon a queue gives out again what a killed worker held; None leaves it as the template has it."""
    environments: int = 8
    """How many invocations of a function may run at once."""
    enforces_rights: bool = False
    """Whether each function has only the rights that the template gives it, as on AWS; slower."""
    faults: Plan = field(default_factory=Plan)
    network_faults: str = "none"
    seed: int = 0
    timing: Mapping[str, Any] = field(default_factory=dict)
    """Time constants of the phone network that differ from its own."""
    handsets: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of a stack listen, and the processes that do."""

    gateway_port: int
    api_port: int
    network_port: int
    emulator_pid: int = 0
    network_pid: int = 0

    @property
    def aws_url(self) -> str:
        return f"http://{HOST}:{self.gateway_port}"

    @property
    def api_url(self) -> str:
        """What PUBLIC_URL is: the base of the doors' addresses."""
        return f"http://{HOST}:{self.api_port}"

    @property
    def network_url(self) -> str:
        return f"http://{HOST}:{self.network_port}"


class Stack:
    """One stack. `start` and `stop`, or use it as a context manager."""

    def __init__(
        self,
        campaigns: Sequence[Campaign],
        options: Options | None = None,
        *,
        state: Path | None = None,
        root: Path = template.ROOT,
    ) -> None:
        self.campaigns = campaigns
        self.options = options or Options()
        self._root = root
        self._kept = state is not None
        self.state = state or Path(tempfile.mkdtemp(prefix="ringback-"))
        (self.state / "logs").mkdir(parents=True, exist_ok=True)
        self.keys = keys.load_or_make(self.state / "keys.json", [campaign.id for campaign in campaigns])
        self.addresses = Addresses(0, 0, 0)
        self.clock_offset = timedelta()
        self._processes: list[ServerProcess] = []
        self._clients: dict[str, Any] = {}

    @classmethod
    def attached(cls, campaigns: Sequence[Campaign], addresses: Addresses, state: Path = STATE) -> Self:
        """A stack that another process has started. It is not ours to stop."""
        attached = cls(campaigns, state=state)
        attached.addresses = addresses
        offset = attached.environment()["CLOCK_OFFSET_SECONDS"]
        attached.clock_offset = timedelta(seconds=int(offset))
        return attached

    # -- life

    def start(self) -> Self:
        """Start every part and deploy. Raises `DidNotStart` or `deploy.NotDeployed`, leaving nothing running."""
        stop(self.state)
        self.clock_offset = self._clock_offset()
        self._clients = {}
        ports = self._ports()
        try:
            emulator = self._start_emulator(ports)
            network = self._start_network(ports)
            self.addresses = Addresses(
                ports.gateway_port, ports.api_port, ports.network_port, emulator.pid, network.pid
            )
            _write(self.state / "addresses.json", asdict(self.addresses))
            translated, parameters = self._template()
            emulator.wait_until_it_answers(self.addresses.aws_url + fronts.UNFINISHED)
            self._put_secret()
            deploy.deploy(self.client("cloudformation"), self.client("s3"), translated, parameters)
            self.warm()
            network.wait_until_it_answers(self.addresses.network_url + "/control/summary")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop every part gracefully, which is when the emulator writes its state; does nothing when stopped."""
        stopped = [process for process in self._processes if process.is_running()]
        for process in self._processes:
            process.stop()
        self._processes = []
        if stopped:
            _write(self.state / "clock.json", {"stood_at": self.now().isoformat()})
        (self.state / "addresses.json").unlink(missing_ok=True)
        if not self._kept:
            shutil.rmtree(self.state, ignore_errors=True)

    def leave_running(self) -> None:
        """Forget the processes, so that they outlive us; `stop(state)` ends them."""
        self._processes = []

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # -- addresses and clients

    def voice_url(self, campaign: str) -> str:
        """Where the provider tells us of a campaign's calls; the step comes after it."""
        return f"{self.addresses.api_url}/voice/{self.keys.voice_tokens[campaign]}"

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator, made once; any thread may use it."""
        if service not in self._clients:
            session: Any = boto3.Session("test", "test", region_name=template.REGION)
            self._clients[service] = session.client(service, endpoint_url=self.addresses.aws_url)
        return self._clients[service]

    def environment(self) -> dict[str, str]:
        """The variables under which `ringback` works on this stack in a process of ours, as if it were a function."""
        return dict(self.function("SendMessage").environment)

    def function(self, name: str) -> Function:
        """A deployed function by its logical id."""
        config = self.client("lambda").get_function_configuration(FunctionName=name)
        return function_of(config, self.addresses.aws_url, CREDENTIALS)

    def now(self) -> datetime:
        """The local clock."""
        return datetime.now(UTC) + self.clock_offset

    # -- what one does with it

    def invoke(self, name: str, event: Any = None) -> Any:
        """Run a function by its logical id and return its result. Raises `RuntimeError` with its error."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}).encode())
        result = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise RuntimeError(f"{name}: {result.get('errorType')}: {result.get('errorMessage')}")
        return result

    def unfinished(self) -> dict[str, int]:
        """What the stack has still to do, by name; all zero when it has done everything it was told."""
        counts: dict[str, int] = self._ask(fronts.UNFINISHED)
        return counts

    def warm(self) -> None:
        """Have an environment of every function ready; asked several times at once, several of each."""
        self._ask(fronts.WARM)

    def struck(self) -> dict[str, int]:
        """How often each fault on our side has struck."""
        counts: dict[str, int] = self._ask(fronts.STRUCK)
        return counts

    def wait_until_done(self, timeout_seconds: float = 60.0) -> bool:
        """Wait until nothing is left to do; held messages are not waited for. Tells whether that was in time."""
        deadline = time.monotonic() + timeout_seconds
        quiet = 0
        while quiet < 2:
            if time.monotonic() > deadline:
                return False
            quiet = 0 if any(self.unfinished().values()) else quiet + 1
            time.sleep(0.02)
        return True

    def logs(self) -> Iterator[tuple[str, str]]:
        """Every line that the functions have logged, with the function's name."""
        for path in sorted((self.state / "logs").glob("*.log")):
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    yield path.stem, line.rstrip("\n")

    # -- parts

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.addresses.aws_url + path, timeout=60) as answer:
            return json.load(answer)

    def _clock_offset(self) -> timedelta:
        now = datetime.now(UTC)
        if self.options.clock_starts_at:
            return self.options.clock_starts_at - now
        stood = _read(self.state / "clock.json").get("stood_at")
        return clock.offset(now, datetime.fromisoformat(stood) if stood else None)

    def _ports(self) -> Addresses:
        kept = _read(self.state / "ports.json")
        usual = kept or (USUAL_PORTS if self._kept else dict.fromkeys(USUAL_PORTS, 0))
        ports = dict(zip(usual, free_ports(list(usual.values())), strict=True))
        _write(self.state / "ports.json", ports)
        return Addresses(**ports)

    def _start_emulator(self, ports: Addresses) -> ServerProcess:
        environment = {
            "GATEWAY_PORT": "4566",  # stands in the names of queues, so it stays while the real port may change
            "RINGBACK_LOCAL_GATEWAY_PORT": str(ports.gateway_port),
            "BIND_HOST": HOST,
            "IOT_MTLS_ENABLED": "0",  # else it listens on every interface
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": f"unix://{self.state}/no-docker",
            "LOG_LEVEL": "WARNING",
            "AUTH": str(self.options.enforces_rights).lower(),
            "MINISTACK_REGION": template.REGION,
            "PERSIST_STATE": "1" if self._kept else "0",
            "STATE_DIR": str(self.state / "aws"),
            "S3_PERSIST": "1" if self._kept else "0",
            "S3_DATA_DIR": str(self.state / "recordings"),
            "RINGBACK_LOCAL_API_PORT": str(ports.api_port),
            "RINGBACK_LOCAL_LOGS": str(self.state / "logs"),
            "RINGBACK_LOCAL_ENVIRONMENTS": str(self.options.environments),
            "RINGBACK_LOCAL_FAULTS": self.options.faults.to_json(),
        }
        return self._start("emulator", ["ringback_local.emulator_process"], environment)

    def _start_network(self, ports: Addresses) -> ServerProcess:
        config = network_config(
            self.campaigns,
            self.keys,
            ports.api_url,
            sms_per_minute=int(self.options.parameters.get("SmsPerMinute", 200)),
            calls_per_minute=int(self.options.parameters.get("CallsPerMinute", 200)),
            clock_offset_seconds=self.clock_offset.total_seconds(),
            timing=self.options.timing,
        )
        _write(self.state / "network.json", config | {"handsets": list(self.options.handsets)})
        arguments = ["--port", str(ports.network_port), "--config", str(self.state / "network.json")]
        arguments += ["--seed", str(self.options.seed), "--faults", self.options.network_faults]
        return self._start("phone_network", ["phone_network", *arguments], {})

    def _start(self, name: str, module: Sequence[str], environment: Mapping[str, str]) -> ServerProcess:
        command = [sys.executable, "-m", *module]
        process = ServerProcess(name, command, environment, self.state / f"{name}.log")
        self._processes.append(process)
        return process

    def _template(self) -> tuple[template.Template, dict[str, str]]:
        source = unpublished(template.read(self._root / "template.yaml"))
        parameters = {
            "VoiceTokens": keys.digests(self.keys.voice_tokens, self._providers),
            "PublicUrl": self.addresses.api_url,
            "SecretsName": SECRETS_NAME,
            "ExotelBaseUrl": self.addresses.network_url,
            "RecordingsOrigin": self.addresses.network_url,
            "ClockOffsetSeconds": str(round(self.clock_offset.total_seconds())),
            "Alarms": "off",
            "Dashboard": "off",
            **self.options.parameters,
        }
        translated = template.translate(source, parameters)
        folders = template.functions(source, self._root)
        local = define_inline(rewrite(translated, parameters, folders), template.machines(source, self._root))
        for resource in local["Resources"].values():
            if resource["Type"] == "AWS::Lambda::Function":
                variables = resource["Properties"]["Environment"]["Variables"]
                # Nothing may leave this machine: the network has no REST API of Twilio's, and says so.
                variables |= {"TWILIO_BASE_URL": self.addresses.network_url, **self.options.settings}
            elif self.options.visibility_seconds and "RedrivePolicy" in resource.get("Properties", {}):
                resource["Properties"]["VisibilityTimeout"] = self.options.visibility_seconds
        return local, parameters

    @property
    def _providers(self) -> dict[str, str]:
        """Who speaks to us about each campaign."""
        return {campaign.id: campaign.provider for campaign in self.campaigns}

    def _put_secret(self) -> None:
        manager = self.client("secretsmanager")
        secret = self.keys.secret(has_twilio=twilio.NAME in self._providers.values())
        try:
            manager.create_secret(Name=SECRETS_NAME, SecretString=secret)
        except manager.exceptions.ResourceExistsException:
            manager.put_secret_value(SecretId=SECRETS_NAME, SecretString=secret)


def running(state: Path = STATE) -> Addresses | None:
    """Where a stack with this state listens, or None when none runs."""
    kept = _read(state / "addresses.json")
    if not kept:
        return None
    addresses = Addresses(**kept)
    return addresses if is_process(addresses.emulator_pid, "ringback_local") else None


def stop(state: Path = STATE) -> bool:
    """Stop a stack that another process started or left behind; tells whether there was one."""
    kept = _read(state / "addresses.json")
    if not kept:
        return False
    addresses = Addresses(**kept)
    stopped = [
        stop_process(addresses.emulator_pid, "ringback_local.emulator_process"),
        stop_process(addresses.network_pid, "phone_network"),
    ]
    (state / "addresses.json").unlink(
        missing_ok=True
    )  # `local run` removes it too when it sees that its stack is gone
    return any(stopped)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")
