"""The wire contract is KEDA's: every name and number is pinned, and both generations of clients read our answers."""

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor

from scaler.rpc.pb import externalscaler_pb2 as pb

FILE = pb.DESCRIPTOR
STRING, BOOL, INT64, DOUBLE, MESSAGE = (
    FieldDescriptor.TYPE_STRING,
    FieldDescriptor.TYPE_BOOL,
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_DOUBLE,
    FieldDescriptor.TYPE_MESSAGE,
)


def test_the_service_has_kedas_name() -> None:
    assert [service.full_name for service in FILE.services_by_name.values()] == ["externalscaler.ExternalScaler"]
    assert FILE.package == "externalscaler"


@pytest.mark.parametrize(
    ("rpc", "asked", "answered", "streams"),
    [
        ("IsActive", "ScaledObjectRef", "IsActiveResponse", False),
        ("StreamIsActive", "ScaledObjectRef", "IsActiveResponse", True),
        ("GetMetricSpec", "ScaledObjectRef", "GetMetricSpecResponse", False),
        ("GetMetrics", "GetMetricsRequest", "GetMetricsResponse", False),
        ("StreamMetricSpec", "ScaledObjectRef", "GetMetricSpecResponse", True),
    ],
)
def test_each_call_has_kedas_shape(rpc: str, asked: str, answered: str, *, streams: bool) -> None:
    method = FILE.services_by_name["ExternalScaler"].methods_by_name[rpc]
    told = (method.input_type.name, method.output_type.name, method.client_streaming, method.server_streaming)
    assert told == (asked, answered, False, streams)


def test_there_are_five_calls() -> None:
    assert len(FILE.services_by_name["ExternalScaler"].methods) == 5


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("ScaledObjectRef", {("name", 1, STRING), ("namespace", 2, STRING), ("scalerMetadata", 3, MESSAGE)}),
        ("IsActiveResponse", {("result", 1, BOOL)}),
        ("GetMetricSpecResponse", {("metricSpecs", 1, MESSAGE)}),
        ("MetricSpec", {("metricName", 1, STRING), ("targetSize", 2, INT64), ("targetSizeFloat", 3, DOUBLE)}),
        ("GetMetricsRequest", {("scaledObjectRef", 1, MESSAGE), ("metricName", 2, STRING)}),
        ("GetMetricsResponse", {("metricValues", 1, MESSAGE)}),
        ("MetricValue", {("metricName", 1, STRING), ("metricValue", 2, INT64), ("metricValueFloat", 3, DOUBLE)}),
    ],
)
def test_each_field_has_kedas_number(message: str, fields: set[tuple[str, int, int]]) -> None:
    found = FILE.message_types_by_name[message].fields
    assert {(field.name, field.number, field.type) for field in found} == fields


def test_there_are_seven_messages() -> None:
    assert len(FILE.message_types_by_name) == 7


def test_what_keda_sends_reads_as_it_was_meant() -> None:
    wire = bytes.fromhex("0a066f7264657273120473686f701a0d0a046b696e6412056b61666b61")
    said = pb.ScaledObjectRef(name="orders", namespace="shop", scalerMetadata={"kind": "kafka"})
    assert pb.ScaledObjectRef.FromString(wire) == said
    assert said.SerializeToString(deterministic=True) == wire


def test_what_we_send_is_written_as_keda_reads_it() -> None:
    value = pb.MetricValue(metricName="m", metricValue=3, metricValueFloat=2.5)
    wire = bytes.fromhex("0a0e0a016d1003190000000000000440")
    assert pb.GetMetricsResponse(metricValues=[value]).SerializeToString() == wire


def old(message: str) -> Any:
    """Make a message class as KEDA up to 2.16 has it: without the fields of floats."""
    file = descriptor_pb2.FileDescriptorProto()
    FILE.CopyToProto(file)
    for each in file.message_type:
        kept = [field for field in each.field if not field.name.endswith("Float")]
        del each.field[:]
        each.field.extend(kept)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"externalscaler.{message}"))


def test_an_old_client_reads_whole_numbers() -> None:
    value = pb.MetricValue(metricName="m", metricValue=3, metricValueFloat=2.5)
    spec = pb.MetricSpec(metricName="m", targetSize=5, targetSizeFloat=5.0)
    metrics = old("GetMetricsResponse").FromString(pb.GetMetricsResponse(metricValues=[value]).SerializeToString())
    specs = old("GetMetricSpecResponse").FromString(pb.GetMetricSpecResponse(metricSpecs=[spec]).SerializeToString())
    assert [(each.metricName, each.metricValue) for each in metrics.metricValues] == [("m", 3)]
    assert [(each.metricName, each.targetSize) for each in specs.metricSpecs] == [("m", 5)]
