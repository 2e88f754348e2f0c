"""Every example is read by the code that will read it."""

import re
from pathlib import Path

import pytest
import yaml

from scaler.config.document import Config
from scaler.config.reading import load
from scaler.config.schema import settings
from scaler.probes.registry import installed
from scaler.triggers.metadata import understand
from scaler.verbs.lint import lint

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
KINDS = installed().kinds
CONFIG = EXAMPLES / "config.yaml"
CONNECTIONS = EXAMPLES / "connection-config.yaml"
FUNCTION = EXAMPLES / "openfunction.yaml"
CONNECTED = EXAMPLES / "connection.yaml"
POOLS, POOLED = EXAMPLES / "pool-config.yaml", (EXAMPLES / "pool-function.yaml", EXAMPLES / "pool-openfunction.yaml")
TRIGGERS = sorted({*EXAMPLES.glob("*.yaml")} - {CONFIG, CONNECTIONS, FUNCTION, CONNECTED, POOLS, *POOLED})


def uncommented(path: Path) -> str:
    """Return the example with its commented-out keys in force: what is offered must work, too."""
    lines = []
    for line in path.read_text().splitlines():
        bare = line.lstrip()
        offered = bare.startswith("# ") and bare.split()[1].rstrip(":") in OFFERED
        lines.append(line.replace("# ", "", 1) if offered and line.startswith("        ") else line)
    return "\n".join(lines)


OFFERED = {"sasl", "username", "passwordFromEnv", "tls", "sourceUnsafeSsl", "sourceTLS", "credentialsFromEnv"}


def test_there_is_one_for_every_kind() -> None:
    assert {path.stem for path in TRIGGERS} == set(KINDS)


@pytest.mark.parametrize("path", TRIGGERS, ids=lambda path: path.stem)
def test_its_trigger_is_understood(path: Path) -> None:
    body = yaml.safe_load(path.read_text())
    assert (body["apiVersion"], body["kind"], len(body["spec"]["triggers"])) == ("keda.sh/v1alpha1", "ScaledObject", 1)
    trigger = body["spec"]["triggers"][0]
    understood = understand("shop", body["metadata"]["name"], trigger["metadata"], KINDS, Config().defaults)
    assert (understood.kind, trigger["type"]) == (path.stem, "external-push")
    assert trigger["metadata"]["scalerAddress"] == "warmscaler.warmscaler.svc:6000"


@pytest.mark.parametrize("path", [*TRIGGERS, FUNCTION, CONFIG, CONNECTIONS, POOLS, *POOLED], ids=lambda path: path.stem)
def test_lint_finds_nothing(path: Path) -> None:
    report = lint([path], None, KINDS)
    assert (report.problems, report.triggers + report.configurations) == ((), 1)


def test_the_one_that_names_a_connection_needs_the_configuration_beside_it() -> None:
    assert lint([CONNECTED], CONNECTIONS, KINDS).problems == ()
    assert lint([CONNECTED], CONFIG, KINDS).problems != ()


@pytest.mark.parametrize("path", [FUNCTION, POOLED[1]], ids=lambda path: path.stem)
def test_the_function_tells_its_binding_and_its_trigger_the_same(path: Path) -> None:
    serving = yaml.safe_load(path.read_text())["spec"]["serving"]
    (binding,) = serving["bindings"].values()
    bound = {each["name"]: each["value"] for each in binding["metadata"]}
    (trigger,) = serving["scaleOptions"]["keda"]["triggers"]
    said = trigger["metadata"]
    assert (trigger["type"], said["scalerAddress"]) == ("external-push", "warmscaler.warmscaler.svc:6000")
    assert [said[key] for key in ("bootstrapServers", "topic", "consumerGroup")] == [
        bound[key] for key in ("brokers", "topics", "consumerGroup")
    ]


@pytest.mark.parametrize("path", TRIGGERS, ids=lambda path: path.stem)
def test_what_it_offers_in_comments_works_too(path: Path, tmp_path: Path) -> None:
    (tmp_path / path.name).write_text(uncommented(path))
    assert lint([tmp_path / path.name], None, KINDS).problems == ()


def test_the_configuration_says_the_defaults() -> None:
    assert load(CONFIG.read_bytes(), KINDS) == Config()


def test_the_rules_that_the_configuration_offers_are_rules() -> None:
    text = CONFIG.read_text()
    for key in ("kinds: {}", "allow: []", "deny: []"):
        text = text.replace(f"  {key}\n", "")
    for line in ("kinds:", "  kafka:", "    bootstrapServers:", "    lagThreshold:", "allow:", "deny:", "  - {"):
        text = text.replace(f"  # {line}", f"  {line}")
    config = load(text.encode(), KINDS)
    assert (len(config.egress.allow), len(config.egress.deny), list(config.defaults.kinds)) == (3, 1, ["kafka"])


def offered(section: str) -> str:
    """Return what the configuration offers in comments for a section at its top, in force."""
    lines = CONFIG.read_text().splitlines()
    first = lines.index(f"# {section}:")
    return "\n".join(line.removeprefix("# ") for line in lines[first : lines.index(f"{section}: {{}}")])


def test_the_connection_that_it_offers_is_one() -> None:
    config = load(f"version: 1\n{offered('connections')}".encode(), KINDS)
    connection = config.connections["orders"]
    assert (connection.kind, connection.namespaces) == ("kafka", ("shop", "team-*"))
    assert connection.secret is not None
    assert connection.folder is not None


def test_the_pool_that_it_offers_says_the_defaults() -> None:
    least = "version: 1\npools: {greeters: {functions: {namespace: shop, deployment: greeter}, check: {tcp: 8080}}}"
    assert load(f"version: 1\n{offered('pools')}".encode(), KINDS) == load(least.encode(), KINDS)


def test_the_pools_are_one_of_each_kind_of_size_and_of_functions_and_find_the_examples() -> None:
    config = yaml.safe_load(POOLS.read_text())
    pools = load(config["data"]["config.yaml"].encode(), KINDS).pools
    sizes = [sorted(pool.size.model_fields_set - {"otherwise"}) for pool in pools.values()]
    assert sizes == [["fixed"], ["schedule"], ["auto"]]
    found = [sorted(pool.functions.model_fields_set - {"namespace"}) for pool in pools.values()]
    assert found == [["deployment"], ["selector"], ["open_function"]]
    deployment, service, scaled = yaml.safe_load_all(POOLED[0].read_text())
    function = yaml.safe_load(POOLED[1].read_text())
    of_one, of_all = pools["greeter"].functions, pools["openfunction"].functions
    assert (of_one.namespace, of_one.deployment) == (
        deployment["metadata"]["namespace"],
        deployment["metadata"]["name"],
    )
    assert scaled["spec"]["scaleTargetRef"]["name"] == of_one.deployment
    assert service["spec"]["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert of_all.namespace == function["metadata"]["namespace"]


@pytest.mark.parametrize("key", [each.keys[0] for each in settings()])
def test_the_configuration_shows_every_key(key: str) -> None:
    assert re.search(rf"\b{key.rsplit('.', maxsplit=1)[-1].removesuffix('[]')}\b:", CONFIG.read_text())
