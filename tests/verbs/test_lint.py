"""What lint finds, where it says it is, and what it leaves alone."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.errors import ConfigError
from scaler.probes.registry import installed
from scaler.verbs.lint import Report, lint, show
from scaler.verbs.output import Output
from tests.config.kinds import KINDS

HEAD = """\
apiVersion: keda.sh/v1alpha1
kind: {kind}
metadata: {{name: orders, namespace: shop}}
spec:
{spec}  triggers:
  - type: {type}
    metadata:
      scalerAddress: warmscaler.warmscaler.svc:6000
      kind: jar
"""

FUNCTION = """\
apiVersion: core.openfunction.io/v1beta2
kind: Function
metadata: {name: orders, namespace: shop}
spec:
  serving:
    triggers: {dapr: [{name: orders, type: bindings.kafka}]}
    scaleOptions:
      keda:
        scaledObject: {cooldownPeriod: 60}
        triggers:
          - type: external-push
            metadata:
              scalerAddress: warmscaler.warmscaler.svc:6000
              adress: a:1
              kind: jar
"""


def linted(folder: Path, text: str, config: str | None = None) -> Report:
    (folder / "file.yaml").write_text(text)
    if config is not None:
        (folder / "config").write_text(config)
    return lint([folder / "file.yaml"], folder / "config" if config is not None else None, KINDS)


def scaled(metadata: str = "address: a:1", *, kind: str = "ScaledObject", spec: str = "", more: str = "") -> str:
    body = "".join(f"      {line}\n" for line in metadata.splitlines())
    return HEAD.format(kind=kind, type="external-push", spec=spec) + body + more


def said(report: Report) -> list[str]:
    return [f"{each.line}:{each.column} {each.sort}: {each.said}" for each in report.problems]


@pytest.mark.parametrize("kind", ["ScaledObject", "ScaledJob"])
def test_a_good_trigger_is_fine(tmp_path: Path, kind: str) -> None:
    report = linted(tmp_path, scaled(kind=kind))
    assert (report.triggers, report.problems) == (1, ())
    assert report.summary() == "1 file, 1 trigger, 0 configurations, 0 other documents, 0 problems"


@pytest.mark.parametrize(
    ("namespace", "found"),
    [
        pytest.param("shop", [], id="who may use it"),
        pytest.param("office", ["no connection 'jars' for namespace 'office'"], id="who may not"),
    ],
)
def test_a_connection_is_looked_up_in_the_configuration(tmp_path: Path, namespace: str, found: list[str]) -> None:
    config = "version: 1\nconnections:\n  jars: {kind: jar, namespaces: [shop], parameters: {address: a:1}}\n"
    text = scaled("connection: jars").replace("namespace: shop", f"namespace: {namespace}")
    report = linted(tmp_path, text, config)
    assert len(report.problems) == len(found), said(report)
    assert all(part in each for part, each in zip(found, said(report), strict=True))


CONNECTED = """version: 1
connections:
  jars:
    kind: jar
    namespaces: [shop]
    parameters: {address: "a:1"}
    secretRef: {name: jars, keys: {password: word}}
"""


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        pytest.param("connection: jars", [], id="a good one, without its secret"),
        pytest.param("connection: jras", ["no connection 'jras' for namespace 'shop'"], id="no such connection"),
        pytest.param('connection: jars\naddress: "b:1"', ["'address' is said by the connection"], id="twice"),
        pytest.param("connection: jars\npassword: x", ["'password' is said by the connection"], id="secret"),
        pytest.param("connection: jars\npatience: 1s", ["'patience' is about reaching the source"], id="own"),
        pytest.param('connection: jars\nthreshold: "0"', ["'threshold': '0' must be greater"], id="a value"),
    ],
)
def test_what_a_trigger_with_a_connection_says_is_held_to_it(tmp_path: Path, metadata: str, found: list[str]) -> None:
    told = said(linted(tmp_path, scaled(metadata), CONNECTED))
    assert [part in each for part, each in zip(found, told, strict=True)] == [True] * len(found)


def test_without_a_configuration_a_connection_is_taken_to_be_there(tmp_path: Path) -> None:
    assert said(linted(tmp_path, scaled("connection: jars"))) == []
    (told,) = said(linted(tmp_path, scaled('connection: jars\naddress: "b:1"')))
    assert "'address' is said by the connection 'jars': leave it out" in told


def test_an_object_without_a_namespace_may_be_meant_for_one_that_may_use_it(tmp_path: Path) -> None:
    text = scaled("connection: jars").replace(", namespace: shop", "")
    assert "shop" not in text
    assert said(linted(tmp_path, text, CONNECTED)) == []


def test_triggers_of_an_openfunction_function_are_judged_too(tmp_path: Path) -> None:
    report = linted(tmp_path, FUNCTION)
    assert report.triggers == 1
    assert said(report) == [
        "11:13 metadata: 'address' is required",
        "14:15 metadata: unknown key 'adress', did you mean 'address'?",
    ]


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        pytest.param(
            "adress: a:1", ["6:5 metadata: 'address' is required", "10:7 metadata: unknown key 'adress'"], id="key"
        ),
        pytest.param(
            "address: a:1\nthreshold: '0'", ["11:18 metadata: 'threshold': '0' must be greater than 0"], id="value"
        ),
        pytest.param(
            "address: a:1\nthreshold: 5", ["11:18 quotes: 'threshold' must be text: put '5' in quotes"], id="quotes"
        ),
        pytest.param(
            "address: a:1\nglass: yes", ["quotes: 'glass' must be text: put 'yes' in", "neither true nor"], id="yes"
        ),
        pytest.param(
            "addressFromEnv: JAR\ncolourFromEnv: C\nthresholdFromEnv: T", [], id="what KEDA fills is not judged"
        ),
        pytest.param(
            "addressFromEnv: JAR\ntresholdFromEnv: T", ["unknown key 'tresholdFromEnv'"], id="but its name is"
        ),
        pytest.param("addressFromEnv: JAR\nadress: a:1", ["unknown key 'adress'"], id="and the names of others are"),
    ],
)
def test_problems_of_metadata(tmp_path: Path, metadata: str, found: list[str]) -> None:
    report = linted(tmp_path, scaled(metadata))
    assert len(report.problems) == len(found), said(report)
    assert all(part in each for part, each in zip(found, said(report), strict=True)), said(report)
    assert all((each.object, each.trigger) == ("ScaledObject shop/orders", 0) for each in report.problems)


def test_a_key_that_is_there_twice_is_a_problem(tmp_path: Path) -> None:
    assert said(linted(tmp_path, scaled("address: a:1\nkind: jra"))) == [
        "11:7 yaml: 'kind' is there twice, first in line 9"
    ]


def test_what_keda_fills_is_not_judged_even_if_no_guess_is_right(tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    metadata = "natsServerURL: nats://a:4222\nstream: s\nconsumer: c\ncredentialsFromEnv: CREDENTIALS"
    file.write_text(scaled(metadata).replace("kind: jar", "kind: nats-jetstream"))
    assert lint([file], None, installed().kinds).problems == ()


def test_a_trigger_of_ours_needs_an_address_of_the_scaler_and_a_kind(tmp_path: Path) -> None:
    text = scaled().replace("      scalerAddress: warmscaler.warmscaler.svc:6000\n", "")
    assert said(linted(tmp_path, text))[0].startswith("6:5 metadata: 'scalerAddress' is required")
    text = scaled().replace("      kind: jar\n", "")
    assert "'kind' is required: one of jar" in said(linted(tmp_path, text))[0]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(scaled().replace("external-push", "kafka"), id="a native trigger"),
        pytest.param(
            scaled().replace("warmscaler.warmscaler", "other").replace("kind: jar", "k: v"), id="another scaler"
        ),
        pytest.param(scaled().replace("ScaledObject", "Deployment"), id="another kind of object"),
        pytest.param("apiVersion: v1\nkind: ConfigMap\ndata: {config.yaml: 'a: 1'}\n", id="a foreign ConfigMap"),
        pytest.param("apiVersion: v1\nkind: List\nitems: 5\n", id="a list of nothing"),
        pytest.param("apiVersion: v1\nkind: [a]\nspec: {triggers: [1, null, {}]}\n", id="nonsense"),
    ],
)
def test_what_is_not_ours_is_left_alone(tmp_path: Path, text: str) -> None:
    report = linted(tmp_path, text)
    assert (report.triggers, report.configurations, report.others, said(report)) == (0, 0, 1, [])


def test_every_trigger_has_its_index(tmp_path: Path) -> None:
    more = "  - type: cron\n    metadata: {x: y}\n  - type: external\n    metadata: {kind: jar, scalerAddress: 'x:1'}\n"
    report = linted(tmp_path, scaled(more=more))
    assert [(each.trigger, each.said) for each in report.problems] == [(2, "'address' is required")]


def test_the_items_of_a_list_are_examined(tmp_path: Path) -> None:
    item = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "o"},
        "spec": {"triggers": [{"type": "external", "metadata": {"kind": "jar", "scalerAddress": "x:1"}}]},
    }
    report = linted(tmp_path, json.dumps({"apiVersion": "v1", "kind": "List", "items": [item, item]}))
    assert [each.said for each in report.problems] == ["'address' is required"] * 2


def test_defaults_of_a_configuration_count_when_it_is_named(tmp_path: Path) -> None:
    config = "version: 1\ndefaults: {kinds: {jar: {address: 'a:1'}}}\n"
    assert linted(tmp_path, scaled(""), config).problems == ()
    with pytest.raises(ConfigError, match="2:1: unknown key 'limts'"):
        linted(tmp_path, scaled(""), "version: 1\nlimts: {}\n")


def test_several_documents_are_counted_from_one(tmp_path: Path) -> None:
    report = linted(tmp_path, f"{scaled()}---\n---\nversion: 1\nlimts: {{}}\n")
    assert [(each.document, each.object, each.sort) for each in report.problems] == [(3, "", "configuration")]


def test_the_configuration_in_a_config_map_is_loaded(tmp_path: Path) -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: w}\ndata:\n  config.yaml: |\n    version: 1\n    limts: {}\n"
    )
    report = linted(tmp_path, text)
    assert (report.configurations, said(report)) == (
        1,
        ["5:16 configuration: config.yaml 2:1: unknown key 'limts', did you mean 'limits'?"],
    )


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\x07"])
def test_what_is_not_yaml_is_a_problem(tmp_path: Path, text: str) -> None:
    assert [each.sort for each in linted(tmp_path, text).problems] == ["yaml"]


@pytest.mark.parametrize(
    ("metadata", "more", "hazard"),
    [
        pytest.param('unsafeSsl: "true"', "", True, id="as the native scaler would have it"),
        pytest.param('unsafeSsl: "false"', "", False, id="off"),
        pytest.param('unsafeSsl: "true"\nsourceUnsafeSsl: "false"', "", False, id="both are named"),
        pytest.param(
            'unsafeSsl: "true"', "    authenticationRef: {name: x}\n", False, id="the channel is set up on purpose"
        ),
    ],
)
def test_keys_of_the_channel_that_look_as_if_meant_for_the_source(
    tmp_path: Path, metadata: str, more: str, hazard: bool
) -> None:
    file = tmp_path / "file.yaml"
    metadata = f'address: "a:1"\nlistName: x\n{metadata}'
    file.write_text(scaled(metadata, more=more).replace("kind: jar", "kind: redis"))
    report = lint([file], None, installed().kinds)
    assert [each.sort for each in report.problems] == ["channel"] * hazard


@pytest.mark.parametrize(
    ("spec", "hazard"),
    [
        pytest.param("  fallback: {failureThreshold: 3, replicas: 0}\n", True, id="no minimum"),
        pytest.param("  minReplicaCount: 0\n  fallback: {failureThreshold: 3, replicas: 0}\n", True, id="minimum zero"),
        pytest.param("  minReplicaCount: 1\n  fallback: {failureThreshold: 3, replicas: 0}\n", False, id="minimum one"),
        pytest.param("  fallback: {failureThreshold: 3, replicas: 1}\n", False, id="one replica"),
        pytest.param("  minReplicaCount: 0\n", False, id="no fallback"),
    ],
)
def test_a_fallback_that_puts_to_sleep(tmp_path: Path, spec: str, hazard: bool) -> None:
    assert [each.sort for each in linted(tmp_path, scaled(spec=spec)).problems] == ["fallback"] * hazard


def test_a_folder_is_searched_for_yaml(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("a.yaml", "deep/b.yml", "deep/c.json", "deep/d.txt"):
        (tmp_path / name).write_text('{"version": 1}')
    report = lint([tmp_path], None, KINDS)
    assert (report.files, report.configurations) == (3, 3)


@given(st.binary(max_size=120) | st.text(max_size=60).map(lambda text: scaled(f"x: {text!r}").encode()))
def test_any_bytes_are_examined_without_an_exception(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(content)
    lint([file], None, KINDS)


def test_programs_get_every_part_of_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(linted(tmp_path, scaled("address: a:1\nthreshold: '0'")), Output.JSON)
    problem = json.loads(capsys.readouterr().out)["problems"][0]
    assert problem == {
        "file": str(tmp_path / "file.yaml"),
        "line": 11,
        "column": 18,
        "document": 1,
        "object": "ScaledObject shop/orders",
        "trigger": 0,
        "sort": "metadata",
        "said": "'threshold': '0' must be greater than 0",
    }
