"""A user's own YAML in place of what a scenario would say: read by the parsers of the service."""

from pathlib import Path

import pytest

from scaler.errors import ConfigError
from simulations.model import Function
from simulations.scenario import doubts, load, of_trace, varied, world

EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples"

LIST = """
apiVersion: v1
kind: List
items:
  - apiVersion: keda.sh/v1alpha1
    kind: ScaledObject
    metadata:
      name: orders
      annotations: {autoscaling.keda.sh/paused-scale-out: "true"}
      managedFields: [{manager: kubectl}]
    spec:
      scaleTargetRef: {name: orders-deployment}
      cooldownPeriod: 45
      triggers:
        - type: kafka
          authenticationRef: {name: secret}
          metadata: {bootstrapServers: "kafka:9092", consumerGroup: g, topic: t, lagThreshold: "50", notThere: eu}
    status: {health: {}}
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {name: orders-deployment, labels: {tier: interactive}}
    spec:
      template:
        spec:
          containers:
            - name: main
              resources: {requests: {memory: 1Gi}}
              readinessProbe: {initialDelaySeconds: 5, periodSeconds: 2}
            - {name: side, resources: {limits: {memory: 128Mi}}}
  - apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {name: keda-hpa-orders}
    spec:
      minReplicas: 1
      maxReplicas: 100
      behavior: {scaleDown: {stabilizationWindowSeconds: 60, selectPolicy: Min}}
"""


def drawn(folder: Path, function: str, rest: str = "") -> Function:
    file = folder / "asked.yaml"
    file.write_text(f"duration: 10m\nfunctions:\n  - name: orders\n{function}\n{rest}", encoding="utf-8")
    return world(load(file), 1).functions[0]


def test_a_list_of_kubectl_says_everything(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(LIST, encoding="utf-8")
    found = drawn(tmp_path, "    scaledObject: all.yaml")
    assert (found.scaled.cooldown, found.scaled.scale_out_paused) == (45.0, True)
    [trigger] = found.scaled.triggers
    assert (trigger.push, trigger.metric.target) == (False, 50_000)
    assert found.triggers[0].rules.hold_for == 0.0
    assert found.memory == 2**30 + 128 * 2**20
    assert 5_000_000 <= found.starts.ready.min() <= found.starts.ready.max() <= 7_000_000
    assert found.hpa.behavior is not None
    assert (found.hpa.behavior.down.window, found.hpa.behavior.down.select) == (60.0, "Min")


def test_what_nobody_understands_is_said(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(LIST, encoding="utf-8")
    drawn(tmp_path, "    scaledObject: all.yaml")
    asked = load(tmp_path / "asked.yaml")
    ignored, deaf = doubts(asked.document, asked.folder)
    assert ignored == "orders: trigger 0 (kafka) has keys that are not understood here: notThere"
    assert deaf.startswith("orders: no trigger asks Warmscaler")


def test_a_pool_finds_its_functions_as_the_service_does(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(LIST, encoding="utf-8")
    pools = """
pools:
  other: {functions: {namespace: shop, deployment: greeter}}
  office: {functions: {namespace: shop, selector: {matchLabels: {tier: interactive}}}, size: {fixed: 2}}
"""
    assert drawn(tmp_path, "    scaledObject: all.yaml", pools).pool == "office"
    named = pools + "  mine: {functions: {namespace: shop, deployment: orders}}\n"
    assert drawn(tmp_path, "    pool: mine", named).pool == "mine"
    assert drawn(tmp_path, "    memory: 1Gi", pools).pool is None


SCALED = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: orders{namespace}}}
spec: {{scaleTargetRef: {{name: api}}, triggers: [{{type: external-push, metadata: {{kind: kafka}}}}]}}
"""


@pytest.mark.parametrize(
    ("said", "deployment", "fits"),
    [
        (", namespace: shop", "shop, deployment: api", True),
        (", namespace: shop", "shop, deployment: orders", False),
        (", namespace: shop", "other, deployment: api", False),
        (", namespace: shop", "shop, openFunction: true", True),
        (", namespace: shop", "other, openFunction: true", False),
        ("", "anywhere, deployment: api", True),
    ],
)
def test_a_pool_means_the_scale_target_in_its_namespace(
    tmp_path: Path, said: str, deployment: str, *, fits: bool
) -> None:
    (tmp_path / "scaled.yaml").write_text(SCALED.format(namespace=said), encoding="utf-8")
    pools = f"pools: {{warm: {{functions: {{namespace: {deployment}}}}}}}"
    found = drawn(tmp_path, "    scaledObject: scaled.yaml", pools)
    asked = load(tmp_path / "asked.yaml")
    told = [each for each in doubts(asked.document, asked.folder) if "fits no function" in each]
    assert (found.pool, len(told)) == (("warm", 0) if fits else (None, 1))


def test_a_pool_of_all_is_found_in_any_namespace(tmp_path: Path) -> None:
    (tmp_path / "scaled.yaml").write_text(SCALED.format(namespace=", namespace: shop"), encoding="utf-8")
    drawn(tmp_path, "    scaledObject: scaled.yaml")
    assert world(varied(load(tmp_path / "asked.yaml"), "pool.size", "2"), 1).functions[0].pool == "warm"


def test_the_configuration_is_read_out_of_its_config_map(tmp_path: Path) -> None:
    found = drawn(tmp_path, "    pool: greeter", f"config: {EXAMPLES / 'pool-config.yaml'}\n")
    assert found.pool == "greeter"


def test_the_defaults_of_the_configuration_hold(tmp_path: Path) -> None:
    text = "version: 1\ndefaults: {interval: 7s, kinds: {kafka: {lagThreshold: 123}}}\n"
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    object_ = "    scaledObject: {triggers: [{metadata: {kind: kafka}}]}"
    found = drawn(tmp_path, object_, "config: config.yaml\n")
    assert (found.scaled.triggers[0].metric.target, found.triggers[0].interval) == (123_000, 7_000_000)


@pytest.mark.parametrize(
    "path", sorted(each for each in EXAMPLES.glob("*.yaml") if "kind: ScaledObject" in each.read_text("utf-8")), ids=str
)
def test_every_shipped_example_is_understood(tmp_path: Path, path: Path) -> None:
    assert drawn(tmp_path, f"    scaledObject: {path}").scaled.triggers


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            ("cooldownPeriod: 45", "cooldownPeriod: soon"),
            "scaledObject: all.yaml:13:23: cooldownPeriod: 'soon' must be",
        ),
        pytest.param(
            ("cooldownPeriod: 45", "coolPeriod: 45"),
            "scaledObject: all.yaml:13:7: unknown key 'coolPeriod', did you mean",
        ),
        pytest.param(
            ("kind: ScaledObject", "kind: ScaledThing"), "has no ScaledObject; there is Deployment, Horizontal"
        ),
        pytest.param(
            ("type: kafka", "type: cpu"), "trigger 0: type 'cpu' is a resource metric, which is not simulated"
        ),
        pytest.param(
            ('lagThreshold: "50"', 'lagThreshold: "x"'), "trigger 0: 'lagThreshold': 'x' is not a whole number"
        ),
    ],
    ids=["value", "key", "kind", "type", "metadata"],
)
def test_what_is_wrong_in_it_is_said_where_it_stands(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    (tmp_path / "all.yaml").write_text(LIST.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        drawn(tmp_path, "    scaledObject: all.yaml")
    assert said in str(caught.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("trigger", "target", "activation"),
    [
        ("{type: rabbitmq, metadata: {mode: QueueLength, value: '20', activationValue: '3'}}", 20_000, 3.0),
        ("{type: aws-sqs-queue, metadata: {queueURL: x}}", 5_000, 0.0),
        ("{type: prometheus, metadata: {query: x, threshold: '0.5'}}", 500, 0.0),
        ("{type: redis, metadata: {address: 'a:1', listName: l, listLength: '7', enableTLS: 'true'}}", 7_000, 0.0),
        ("{type: nats-jetstream, metadata: {lagThreshold: 4}}", 4_000, 0.0),
    ],
)
def test_kedas_own_triggers_are_asked_and_hold_nothing(
    tmp_path: Path, trigger: str, target: int, activation: float
) -> None:
    found = drawn(tmp_path, f"    scaledObject: {{triggers: [{trigger}]}}")
    assert (found.scaled.triggers[0].metric.target, found.scaled.triggers[0].push) == (target, False)
    assert (found.triggers[0].rules.activation, found.triggers[0].watch) == (activation, None)


def test_a_trace_alone_is_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(LIST, encoding="utf-8")
    trace = tmp_path / "My Orders.csv"
    trace.write_text("timestamp\n1767600000.5\n1767600001\n1767600003\n", encoding="utf-8")
    found = world(of_trace(trace), 1)
    assert found.functions[0].name == "my-orders"
    assert found.functions[0].work.arrivals.tolist() == [0, 500_000, 2_500_000]
    assert found.end == 2_500_000 + 600_000_000
    assert found.wall == 1767600000.5
    own = world(of_trace(trace, manifests=tmp_path / "all.yaml"), 1).functions[0]
    assert (own.scaled.cooldown, own.memory) == (45.0, 2**30 + 128 * 2**20)


JOB = """
apiVersion: keda.sh/v1alpha1
kind: ScaledJob
metadata: {name: orders, namespace: shop}
spec: {jobTargetRef: {}, minReplicaCount: null, triggers: [{type: external-push, metadata: {kind: kafka}}]}
"""


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    file = tmp_path / "orders.csv"
    file.write_text("timestamp\n1767600000\n1767600001\n", encoding="utf-8")
    return file


def test_a_scaled_job_may_stand_beside_a_trace(tmp_path: Path, trace: Path) -> None:
    (tmp_path / "job.yaml").write_text(JOB, encoding="utf-8")
    assert world(of_trace(trace, manifests=tmp_path / "job.yaml"), 1).functions[0].job is not None


def test_files_of_a_folder_that_are_no_yaml_are_left_out_and_told(tmp_path: Path, trace: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / "scaled.yaml").write_text(LIST, encoding="utf-8")
    (folder / "template.yaml").write_text("{{- if .Values.on }}\n", encoding="utf-8")
    found = varied(of_trace(trace, manifests=folder), "service", "1s")
    assert world(found, 1).functions[0].scaled.cooldown == 45.0
    [told] = found.left_out
    assert told.startswith(f"{folder / 'template.yaml'}:1:")


def said(folder: Path, *triggers: str) -> list[str]:
    drawn(folder, f"    scaledObject: {{minReplicaCount: null, triggers: [{', '.join(triggers)}]}}")
    asked = load(folder / "asked.yaml")
    return list(doubts(asked.document, asked.folder))


OURS = "{type: external-push, metadata: {kind: kafka}}"
CPU = "{type: cpu, metricType: Utilization, metadata: {value: '60'}}"


def test_resource_metrics_are_left_out_beside_others(tmp_path: Path) -> None:
    [told] = said(tmp_path, CPU, OURS)
    assert told == "orders: trigger 0 (cpu) is left out: it is a resource metric, which is not simulated"
    assert len(world(load(tmp_path / "asked.yaml"), 1).functions[0].scaled.triggers) == 1
    with pytest.raises(ConfigError, match="trigger 0: type 'cpu' is a resource metric"):
        said(tmp_path, CPU)


@pytest.mark.parametrize(
    ("trigger", "rate"),
    [
        ("{type: rabbitmq, metadata: {mode: MessageRate, value: 20}}", True),
        ("{type: rabbitmq, metadata: {mode: QueueLength, value: 20}}", False),
        ("{type: prometheus, metadata: {threshold: 5}}", True),
        ("{type: postgresql, metadata: {targetQueryValue: 5}}", True),
    ],
)
def test_what_may_be_a_rate_is_told(tmp_path: Path, trigger: str, *, rate: bool) -> None:
    assert any("simulated as the backlog" in each for each in said(tmp_path, trigger)) is rate


def test_a_formula_of_scaling_modifiers_is_not_simulated(tmp_path: Path) -> None:
    text = "    scaledObject: {{advanced: {{scalingModifiers: {}}}}}"
    assert drawn(tmp_path, text.format("{}")).scaled.triggers
    with pytest.raises(ConfigError, match="'scalingModifiers' is not simulated"):
        drawn(tmp_path, text.format("{formula: a + b}"))


COUNTED = "timestamp,count\n1767600000,5\n"


def test_how_a_trace_is_read_may_be_set_key_by_key(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(COUNTED, encoding="utf-8")
    with pytest.raises(ConfigError, match="interval"):
        of_trace(file)
    found = varied(of_trace(file, reading={"trace.interval": "60"}), "trace.placement", "equidistant")
    assert world(found, 1).functions[0].work.arrivals.tolist() == [0, 12_000_000, 24_000_000, 36_000_000, 48_000_000]
    with pytest.raises(ConfigError, match="no trace that it could be about"):
        varied(load(scenario_without(tmp_path)), "trace.unit", "ms")


def scenario_without(folder: Path) -> Path:
    drawn(folder, "    arrivals: {constant: {rate: 1/min}}")
    return folder / "asked.yaml"
