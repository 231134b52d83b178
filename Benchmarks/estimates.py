"""Estimates the time of a window on machines that are not here, from modelled operations per cycle. Used by
throughput.py.

    ms = OVERHEAD * (products of the layers / rate + products of attention / (rate * share)) / (cores * clock)

The rates are llvm-mca's. `share` is the part of attention's time that its products take; the rest is softmax. It and the
overhead (epilogues, LayerNorm, quantising, barriers) are what was measured on Zen 4.

    memory ms = bytes of weights that are read / bandwidth

It overlaps the computation, so that the larger of the two counts. Each block of 48 rows reads all weights in int8; in
fp32 each thread reads them once.
"""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Model:
    name: str
    tokens: int
    hidden: int
    intermediate: int
    layers: int
    overhead: float

    @property
    def matrices(self):
        """Weights of a layer."""
        return 4 * self.hidden**2 + 2 * self.hidden * self.intermediate

    def layer_operations(self):
        """Operations of the layers' GEMMs. The last layer computes keys and values of all tokens, the rest of two."""
        keys_and_values = 2 * self.hidden**2
        return 2 * ((self.layers - 1) * self.tokens * self.matrices + self.tokens * keys_and_values
                    + 2 * (self.matrices - keys_and_values))

    def attention_operations(self):
        return 4 * self.tokens * self.hidden * ((self.layers - 1) * self.tokens + 2)

    def bytes_read(self, precision, cores):
        times, size = (math.ceil(self.tokens / 48), 1) if precision == "int8" else (cores, 4)
        return times * size * self.layers * self.matrices


@dataclasses.dataclass(frozen=True)
class Rate:
    """Operations per cycle: those of a loop on a processor of throughput.py, times a factor."""

    processor: str
    kernel: str
    factor: float = 1

    def value(self, rates):
        return rates[self.processor, self.kernel] * self.factor


@dataclasses.dataclass(frozen=True)
class Machine:
    name: str
    precision: str
    cores: int
    clock_ghz: float
    # What programs reach, not the data sheet's number.
    bandwidth_gb: float
    layers: Rate
    attention: Rate


MODELS = [
    Model("included model", 258, 192, 768, 6, 1.4),
    Model("AST-base", 1214, 768, 3072, 12, 1.1),
]
# Shares of products in attention's time, and of OpenBLAS in the peak; the last is a Gracemont core beside a P core of
# Alder Lake, which LLVM models: its registers of 32 bytes take two halves.
FP32_SHARE, INT8_SHARE, OPENBLAS, GRACEMONT = 0.88, 0.61, 0.82, 0.5
MACHINES = [
    Machine("Raspberry Pi 4", "fp32", 4, 1.8, 4, Rate("cortex-a72", "gemm fp32 neon", OPENBLAS),
            Rate("cortex-a72", "attention fp32 neon", FP32_SHARE)),
    Machine("Raspberry Pi 5", "fp32", 4, 2.4, 10, Rate("neoverse-n1", "gemm fp32 neon", OPENBLAS),
            Rate("neoverse-n1", "attention fp32 neon", FP32_SHARE)),
    Machine("Raspberry Pi 5", "int8", 4, 2.4, 10, Rate("neoverse-n1", "gemm int8 dotprod"),
            Rate("neoverse-n1", "attention fp32 neon", FP32_SHARE)),
    Machine("Intel N100", "fp32", 4, 2.9, 20, Rate("alderlake", "gemm fp32 avx2", OPENBLAS * GRACEMONT),
            Rate("alderlake", "attention fp32 avx2", FP32_SHARE * GRACEMONT)),
    Machine("Intel N100", "int8", 4, 2.9, 20, Rate("alderlake", "gemm int8 avxvnni", GRACEMONT),
            Rate("alderlake", "attention int8 avxvnni", INT8_SHARE * GRACEMONT)),
]


def window_ms(machine, model, rates):
    """(ms of computation, ms of reading weights)."""
    cycles = (model.layer_operations() / machine.layers.value(rates)
              + model.attention_operations() / machine.attention.value(rates))
    compute = model.overhead * cycles / (machine.cores * machine.clock_ghz * 1e6)
    return compute, model.bytes_read(machine.precision, machine.cores) / (machine.bandwidth_gb * 1e6)


def table(rates):
    """The lines of a table; `rates` has operations per cycle by (processor, kernel)."""
    yield f"{'machine':16} {'precision':9} " + " ".join(f"{model.name:>16} {'(memory)':>9}" for model in MODELS)
    for machine in MACHINES:
        if all((rate.processor, rate.kernel) in rates for rate in (machine.layers, machine.attention)):
            columns = []
            for model in MODELS:
                compute, memory = window_ms(machine, model, rates)
                columns.append(f"{max(compute, memory):13.0f} ms {memory:9.0f}")
            yield f"{machine.name:16} {machine.precision:9} " + " ".join(columns)
