"""A configuration is read as a whole, or every problem is told with its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.config.document import Config, Limits, Reference, Source
from scaler.config.reading import MOST, examine, load
from scaler.errors import ConfigError
from scaler.net.egress import Egress, Rule
from scaler.triggers.metadata import Defaults
from tests.config.kinds import KINDS

FULL = """
version: 1
defaults:
  interval: 1m30s
  kinds:
    jar: {threshold: 0x10, glass: no, addresses: "a:1,b:2", patience: 250ms}
limits: {triggers: 7, forgetAfter: 1h}
egress:
  allowInline: false
  loopback: true
  allow:
    - {host: "*.Jars.svc", port: 80}
    - cidr: fd00::/8
  deny:
    - cidr: 10.0.0.0/8
connections:
  jars:
    kind: jar
    namespaces: [shop, team-*]
    parameters: {address: "a:1", patience: 250ms, threshold: 1e3}
    secretRef: {name: jars, keys: {password: word}}
pools:
  jars:
    functions: {namespace: shop, selector: {matchLabels: {app: jar}}}
    size: {schedule: [{cron: 0 8 * * 1-5, duration: 10h, timeZone: Europe/Berlin, size: 3}], otherwise: 1}
    handoff: bridge
    check: {grpc: 50051, interval: 500ms}
    refill: {rate: 0.5, burst: 2}
    maxAge: 1h
    surge: 2
"""


def test_the_least_document_means_the_defaults_of_the_code() -> None:
    assert load(b"version: 1", KINDS) == Config()


def test_every_key_is_honoured() -> None:
    text = FULL.replace("0x10", "16").replace("glass: no", "glass: false").replace("1e3", "1000")
    config = load(text.encode(), KINDS)
    assert config.defaults == Defaults(
        interval=90.0,
        kinds={"jar": {"threshold": "16", "glass": "false", "addresses": "a:1,b:2", "patience": "250ms"}},
    )
    assert config.limits == Limits(triggers=7, forget_after=3600.0)
    assert config.egress == Egress(
        inline=False,
        loopback=True,
        allow=(Rule(host="*.Jars.svc", port=80), Rule(network=config.egress.allow[1].network)),
        deny=(Rule(network=config.egress.deny[0].network),),
    )
    assert [str(rule.network) for rule in (*config.egress.allow, *config.egress.deny)] == [
        "None",
        "fd00::/8",
        "10.0.0.0/8",
    ]
    assert config.connections == {
        "jars": Source(
            kind="jar",
            namespaces=("shop", "team-*"),
            parameters={"address": "a:1", "patience": "250ms", "threshold": "1000"},
            secret=Reference(name="jars", keys={"password": "word"}),
        )
    }
    pool = config.pools["jars"]
    assert (pool.size.otherwise, pool.check and pool.check.interval, pool.max_age, pool.surge) == (1, 0.5, 3600.0, 2)


def test_defaults_of_a_kind_are_the_text_that_was_written_not_what_yaml_makes_of_it() -> None:
    _, problems = examine(FULL.encode(), KINDS)
    assert [str(each) for each in problems] == [
        "6:22: 'threshold': '0x10' is not a whole number, in 'defaults.kinds.jar'",
        "6:35: 'glass': 'no' is neither true nor false, in 'defaults.kinds.jar'",
        "20:62: 'threshold': '1e3' is not a whole number, in 'connections.jars.parameters'",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "1:1: nothing in it; the least is 'version: 1'", id="empty"),
        pytest.param("# only words", "1:1: nothing in it", id="only comments"),
        pytest.param("version: 1\n---\nversion: 1", "1:1: more than one YAML document", id="two documents"),
        pytest.param("- version: 1", "1:1: must be a mapping that begins with 'version: 1'", id="a list"),
        pytest.param("null", "1:1: must be a mapping", id="nothing, in a word"),
        pytest.param("limits: {}", "1:1: 'version' is required: 1", id="no version"),
        pytest.param(
            "version: 2\nnew: x", "1:10: version: 2 is not known here; this release reads version 1", id="newer"
        ),
        pytest.param("version: '1'", "version: '1' is not known here", id="a version in quotes"),
        pytest.param("version: true", "version: True is not known here", id="true is no version"),
    ],
)
def test_what_is_no_configuration_is_told_in_one_sentence(text: str, said: str) -> None:
    config, problems = examine(text.encode(), KINDS)
    assert (config, len(problems)) == (None, 1)
    assert said in str(problems[0])


def connection(
    *,
    kind: str = "jar",
    namespaces: str = "[shop]",
    parameters: str = "{address: 'a:1'}",
    reference: str = "{name: s, keys: {password: a}}",
    more: str = "folder: null",
) -> str:
    return (
        f"connections: {{c: {{kind: {kind}, namespaces: {namespaces}, parameters: {parameters}, "
        f"secretRef: {reference}, {more}}}}}"
    )


def pool(text: str) -> str:
    return f"pools: {{p: {{functions: {{namespace: shop, deployment: jar}}, {text}}}}}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("limts: {}", "2:1: unknown key 'limts', did you mean 'limits'?", id="an unknown section"),
        pytest.param(
            "limits: {trigers: 5}", "2:10: unknown key 'trigers' in 'limits', did you mean 'triggers'?", id="key"
        ),
        pytest.param(
            "egress:\n  deny: [{prot: 1, host: a}]", "3:11: unknown key 'prot' in 'egress.deny[0]', did", id="rule"
        ),
        pytest.param("limits:", "2:8: limits: must be a mapping", id="an empty section"),
        pytest.param(
            "limits: {triggers: many}", "2:20: limits.triggers: 'many' must be a whole number", id="no number"
        ),
        pytest.param("limits: {triggers: '5'}", "limits.triggers: '5' must be a whole number", id="a number in quotes"),
        pytest.param("limits: {triggers: 5.0}", "limits.triggers: 5.0 must be a whole number", id="a fraction"),
        pytest.param("limits: {triggers: true}", "limits.triggers: True must be a whole number", id="a truth"),
        pytest.param("limits: {triggers: .inf}", "limits.triggers: inf must be a ", id="infinity"),
        pytest.param("limits: {triggers: 0}", "limits.triggers: 0 must be greater than or equal to 1", id="too few"),
        pytest.param("limits: {forgetAfter: 600}", "limits.forgetAfter: 600 needs a unit", id="a bare duration"),
        pytest.param("limits: {forgetAfter: '600'}", "limits.forgetAfter: '600' needs a unit", id="the same in quotes"),
        pytest.param("limits: {forgetAfter: soon}", "limits.forgetAfter: 'soon' is not a duration", id="no duration"),
        pytest.param("limits: {forgetAfter: 1s}", "limits.forgetAfter: '1s' must be 10s to 24h", id="too short"),
        pytest.param("defaults: {interval: 11m}", "defaults.interval: '11m' must be 100ms to 10m", id="too long"),
        pytest.param("egress: {loopback: 'yes'}", "egress.loopback: 'yes' must be true or false", id="a word for true"),
        pytest.param("egress: {allow: {}}", "egress.allow: must be a list", id="rules that are no list"),
        pytest.param("egress: {deny: [x]}", "egress.deny[0]: 'x' must be a mapping", id="a rule that is a word"),
        pytest.param(
            "egress: {deny: [{port: 5}]}", "2:17: egress.deny[0]: a rule names either 'host' or 'cidr'", id="port"
        ),
        pytest.param("egress: {deny: [{host: a, cidr: 10.0.0.0/8}]}", "names either 'host' or 'cidr'", id="both"),
        pytest.param("egress: {deny: [{host: a, port: 65536}]}", "egress.deny[0].port: 65536 must be", id="no port"),
        pytest.param("egress: {deny: [{host: 'a:80'}]}", "must be a host name or a glob of one", id="a port in a host"),
        pytest.param("egress: {deny: [{host: ''}]}", "must be a host name or a glob of one", id="no host"),
        pytest.param(
            "egress: {deny: [{host: 10.0.0.*}]}", "is an address, and a name could resolve to it", id="address"
        ),
        pytest.param("egress: {deny: [{cidr: 10.1.0.0/8}]}", "did you mean 10.0.0.0/8?", id="host bits"),
        pytest.param("egress: {deny: [{cidr: ten}]}", "'ten' is not a network such as 10.0.0.0/8", id="no network"),
        pytest.param("egress: {deny: [{cidr: 10}]}", "10 is not a network such as", id="a number for a network"),
        pytest.param(
            "defaults: {kinds: {jra: {}}}", "2:20: 'jra' in 'defaults.kinds' is not an installed kind, did", id="kind"
        ),
        pytest.param("defaults: {kinds: [jar]}", "defaults.kinds: must be a mapping", id="kinds that are a list"),
        pytest.param(
            "defaults: {kinds: {jar: 5}}", "defaults.kinds.jar: 5 must be a mapping", id="a kind that is a number"
        ),
        pytest.param(
            "defaults: {kinds: {jar: {treshold: 5}}}", "unknown key 'treshold' in 'defaults.kinds.jar', did", id="p"
        ),
        pytest.param(
            "defaults: {kinds: {jar: {threshold: 0}}}", "'threshold': '0' must be greater than 0, in", id="value"
        ),
        pytest.param("defaults: {kinds: {jar: {threshold: }}}", "must be text, a number, true or false", id="no value"),
        pytest.param("defaults: {kinds: {jar: {address: [a]}}}", "must be text, a number, true or false", id="a list"),
        pytest.param("defaults: {kinds: {jar: {colour: blue}}}", "'colour': 'blue' is not one of", id="no choice"),
        pytest.param(
            "defaults: {kinds: {jar: {password: hush}}}", "2:26: 'password' in 'defaults.kinds.jar' is secret", id="s"
        ),
        pytest.param("defaults: {kinds: {jar: {addressFromEnv: A}}}", "KEDA fills such keys in a trigger", id="env"),
        pytest.param(connection(kind="jra"), "'jra' in 'connections.c' is not an installed kind, did you", id="c kind"),
        pytest.param(connection(kind="5"), "connections.c.kind: 5 must be text", id="c kind number"),
        pytest.param(connection(namespaces="[]"), "connections.c.namespaces: must not be empty", id="nobody's"),
        pytest.param(connection(namespaces="[A]"), "'A' is not a namespace or a glob of one", id="no namespace"),
        pytest.param(connection(parameters="{adress: a}"), "unknown key 'adress' in 'connections.c.par", id="c key"),
        pytest.param(
            connection(parameters="{password: hush}", reference="{name: s, keys: {patience: a}}"),
            "is secret: say in 'secretRef' or 'f",
            id="c secret",
        ),
        pytest.param(connection(parameters="{patience: soon}"), "'soon' is not a duration such as", id="c value"),
        pytest.param(connection(parameters="{}"), "'address' is required, in 'connections.c'", id="no address"),
        pytest.param(connection(more="secret: {}"), "unknown key 'secret' in 'connections.c', did you", id="c other"),
        pytest.param(connection(reference="{name: s, keys: {}}"), "secretRef.keys: must not be empty", id="no keys"),
        pytest.param(
            connection(reference="{name: s}"), "'connections.c.secretRef.keys' is required", id="keys left out"
        ),
        pytest.param(
            connection(reference="{name: A, keys: {password: a}}"), "'A' is not the name of a", id="no Secret"
        ),
        pytest.param(connection(reference="{name: s, keys: {password: ../a}}"), "'../a' is not the name", id="a path"),
        pytest.param(connection(reference="{name: s, keys: {password: ..}}"), "'..' is not the name of", id="upwards"),
        pytest.param(
            connection(reference="{name: s, keys: {pasword: a}}"), "unknown parameter 'pasword'", id="what for"
        ),
        pytest.param(
            connection(reference="{name: s, keys: {threshold: a}}"), "is not about reaching the", id="no secret"
        ),
        pytest.param(
            connection(reference="{name: s, keys: {address: a}}"), "is in 'connections.c.parameters', too", id="2"
        ),
        pytest.param(connection().replace("{c:", "{C:"), "'C' is not the name of a Kubernetes object", id="no name"),
        pytest.param("connections: [c]", "connections: must be a mapping", id="connections that are a list"),
        pytest.param(
            pool("size: {fixed: 1, auto: {}}"), "names exactly one of 'fixed', 'schedule' and", id="two sizes"
        ),
        pytest.param(pool("size: {fixed: 1001}"), "must be less than or equal to 1000", id="too many"),
        pytest.param(pool("size: {fixed: 1, otherwise: 1}"), "'otherwise' goes with 'schedule'", id="otherwise"),
        pytest.param(pool("size: {auto: {floor: 11}}"), "'floor' is above 'ceiling'", id="a floor above"),
        pytest.param(pool("size: {auto: {budget: 8GB}}"), "'8GB' is not an amount of memory", id="no memory"),
        pytest.param(pool("size: {auto: {missRatio: 1}}"), "must be less than or equal to 0.5", id="all misses"),
        pytest.param(
            pool("check: {tcp: 1, grpc: 2}"), "names exactly one of 'grpc', 'http' and 'tcp'", id="two checks"
        ),
        pytest.param(pool("maxAge: 5"), "pools.p.maxAge: 5 needs a unit", id="an age without a unit"),
        pytest.param(pool("surge: -1"), "pools.p.surge: -1 must be", id="fewer than none"),
        pytest.param(
            pool("handoff: fast"), "pools.p.handoff: 'fast' must be 'auto', 'bridge' or 'adopt'", id="handoff"
        ),
        pytest.param(pool("sise: {}"), "unknown key 'sise' in 'pools.p', did you mean 'size'?", id="p key"),
        pytest.param(
            pool("size: {schedule: [{cron: '* *', duration: 1h, size: 1}]}"),
            "'* *' is not a cron expression such as '0 8 * * 1-5': has 2 fields instead of 5",
            id="cron",
        ),
        pytest.param(
            pool("size: {schedule: [{cron: TZ=UTC 0 8 * * *, duration: 1h, size: 1}]}"),
            "names its zone in 'timeZone', not in the expression",
            id="cron with a zone",
        ),
        pytest.param(pool("size: {auto: {budget: 100m}}"), "'100m' must be at least 1Mi", id="hardly any memory"),
        pytest.param(pool("confirm: 1001"), "must be less than or equal to 1000", id="too many confirmed"),
        pytest.param(
            pool("size: {schedule: [{cron: 0 8 * * *, duration: 1h, size: 1, timeZone: Mars}]}"),
            "'Mars' is not a time zone",
            id="zone",
        ),
    ],
)
def test_one_problem_is_told_with_its_place(text: str, said: str) -> None:
    config, problems = examine(f"version: 1\n{text}\n".encode(), KINDS)
    assert config is None
    assert [said in str(each) for each in problems] == [True], problems
    assert "hush" not in str(problems)


def test_all_problems_are_told_at_once_in_the_order_of_the_text() -> None:
    text = "version: 1\nlimts: 1\nlimits: {triggers: 0}\nlimits: 5\negress: {deny: [{cidr: x}]}\npools: {a: {}}\n"
    with pytest.raises(ConfigError) as error:
        load(text.encode(), KINDS)
    assert [problem.partition(":")[0] for problem in error.value.problems] == ["2", "3", "4", "5", "6"]


VOCABULARY = (
    "version 1 defaults kinds jar limits egress deny cidr 10.0.0.0/8 : - [ ] { } &a *a !! | > ' \" \\ud800 # %YAML --- "
    "é << = ~ yes 0b 1:99:99 2001-99-99 .nan interval 2s ,"
)
WORDS = st.sampled_from(VOCABULARY.split(" "))
GAPS = st.sampled_from(["", " ", "\n", "\n  ", ": ", "\n- ", "\t", "\r"])
TEXTS = st.lists(st.tuples(WORDS, GAPS), max_size=30).map(lambda pairs: "".join(map("".join, pairs)).encode())


def problems_of(content: bytes) -> tuple[str, ...]:
    """Load, and let nothing pass but a configuration or a :class:`ConfigError` with problems."""
    try:
        assert isinstance(load(content, KINDS), Config)
    except ConfigError as error:
        return error.problems or ("none",)
    return ()


@given(st.binary(max_size=200) | TEXTS)
def test_any_bytes_are_a_configuration_or_a_config_error(content: bytes) -> None:
    problems = problems_of(content)
    assert "none" not in problems
    assert all(problem.isprintable() for problem in problems)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
RULES = st.lists(st.dictionaries(st.sampled_from(["host", "cidr", "port", "x"]), JSON), max_size=3) | JSON
NAMES = st.sampled_from(["jars", "a.b", "A", "", "..", "a/b", "kind"])
REFERENCES = JSON | st.fixed_dictionaries(
    {}, optional={"name": JSON | NAMES, "keys": JSON | st.dictionaries(NAMES, JSON)}
)
CONNECTIONS = JSON | st.fixed_dictionaries(
    {},
    optional={
        "kind": JSON | st.just("jar"),
        "namespaces": JSON | st.lists(NAMES, max_size=2),
        "parameters": JSON | st.dictionaries(st.sampled_from(["address", "threshold", "password", "x"]), JSON),
        "secretRef": REFERENCES,
        "folder": REFERENCES,
    },
)
POOLS = JSON | st.fixed_dictionaries(
    {},
    optional={
        key: JSON | st.dictionaries(st.sampled_from(["namespace", "fixed", "auto", "schedule", "grpc", "rate"]), JSON)
        for key in ("functions", "size", "check", "refill", "surge", "maxAge", "handoff", "confirm")
    },
)
SECTIONS = {
    "defaults": st.fixed_dictionaries(
        {}, optional={"interval": JSON, "kinds": JSON | st.just({"jar": {"threshold": "x"}})}
    ),
    "limits": st.fixed_dictionaries({}, optional={"triggers": JSON, "forgetAfter": JSON}),
    "egress": st.fixed_dictionaries({}, optional={"allow": RULES, "deny": RULES, "loopback": JSON}),
    "connections": st.dictionaries(NAMES, CONNECTIONS, max_size=3),
    "pools": st.dictionaries(NAMES, POOLS, max_size=3),
}


@given(st.fixed_dictionaries({"version": st.just(1)}, optional={key: each | JSON for key, each in SECTIONS.items()}))
def test_any_document_of_about_the_right_shape_is_valid_or_a_config_error(document: dict[str, object]) -> None:
    assert "none" not in problems_of(json.dumps(document).encode())


def test_of_very_many_problems_the_first_are_told() -> None:
    _, problems = examine(b"version: 1\n" + b"x: 1\n" * 500, KINDS)
    assert (len(problems), str(problems[-1])) == (MOST + 1, f"{MOST + 2}:1: and {500 - MOST} more problems")
