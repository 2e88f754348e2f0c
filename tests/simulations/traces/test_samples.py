"""Parts of the real traces, where they are beside the project: counts and figures that are known of them."""

import numpy as np
import pytest

from simulations.traces import read_trace
from tests.architecture.tree import ROOT

SAMPLES = ROOT.parent / "shared" / "data" / "traces"

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not part of the project")


@pytest.mark.parametrize(
    ("path", "form", "requests", "functions"),
    [
        pytest.param("azure_llm_2023/AzureLLMInferenceTrace_code.csv", "azure-llm", 8_819, 1, id="azure llm, code"),
        pytest.param("azure_llm_2023/AzureLLMInferenceTrace_conv.csv", "azure-llm", 19_366, 1, id="azure llm, chat"),
        pytest.param("mooncake_2025/conversation_trace_arrivals.csv", "mooncake", 12_031, 1, id="mooncake, chat"),
        pytest.param("mooncake_2025/synthetic_trace_arrivals.csv", "mooncake", 3_993, 1, id="mooncake, synthetic"),
        pytest.param("invitro_azure2021/Azure2021_200.csv", "azure-functions-2021", 199, 31, id="azure 2021"),
        pytest.param("invitro_azure2019_sample", "azure-functions-2019", None, 4, id="azure 2019, a folder"),
    ],
)
def test_samples_are_read_without_a_bad_row(path: str, form: str, requests: int | None, functions: int) -> None:
    trace = read_trace(SAMPLES / path)
    assert (trace.format, trace.bad_rows, len(trace.functions)) == (form, 0, functions)
    assert requests in {None, sum(len(function.arrivals) for function in trace.functions.values())}


def test_the_code_trace_is_as_bursty_as_it_is_said_to_be() -> None:
    trace = read_trace(SAMPLES / "azure_llm_2023" / "AzureLLMInferenceTrace_code.csv")
    gaps = np.diff(trace.functions["trace"].arrivals) / 1e6
    assert 1 / gaps.mean() == pytest.approx(2.57, abs=0.005)
    assert gaps.std() / gaps.mean() == pytest.approx(13.2, abs=0.05)
    assert gaps.max() == pytest.approx(217, abs=1)
