"""The LSTM under 16 bits: on a CPU it computes in 32."""

import torch
from torch import nn

from decaylab.models.lstm import Recurrent


def test_on_a_cpu_it_computes_in_32_bits_whatever_is_around_it():
    torch.manual_seed(0)
    layer, sequence = Recurrent(16, 8), torch.randn(4, 1, 16)
    expected, _ = layer(sequence)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, _ = layer(nn.Linear(16, 16)(sequence) * 0 + sequence)
        assert nn.Linear(8, 8)(found).dtype == torch.bfloat16  # what is around it is left as it was
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected)
    found.sum().backward()
    assert layer.weight_ih_l0.grad is not None


def test_its_weights_are_those_of_pytorchs_own():
    assert list(Recurrent(16, 8).state_dict()) == list(nn.LSTM(16, 8, batch_first=True).state_dict())
