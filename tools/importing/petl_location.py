"""Where a mixture or an adapter acts, from the LayerNorms that were trained with it."""

from .checkpoint import Refused

# Trained with a module beside attention, beside the MLP.
SIDES = {"MHSA": "layernorm_before", "FFN": "layernorm_after"}


def settle_location(training, tensors, changed, layers):
    """Compares --location with the trained LayerNorms; decides it where it is not given."""
    if training.method not in ("adapter-ablation", "Dense-MoA", "Soft-MoA"):
        return
    if any(".moa_mhsa." in name for name in tensors):  # Houlsby
        return
    seen = [
        location
        for location, norm in SIDES.items()
        if all(any(f"layer.{layer}.{norm}." in name for name in changed) for layer in range(layers))
    ]
    untouched = [location for location, norm in SIDES.items() if not any(norm in name for name in changed)]
    if len(seen) != 1 or len(untouched) != 1:
        return
    given = training.options.location
    if given is None:
        training.options.location = seen[0]
        training.note(f"--location is not given: {seen[0]}, because every {SIDES[seen[0]]} was trained, and no other")
    elif given != seen[0]:
        raise Refused(
            f"--location {given}, but every {SIDES[seen[0]]} was trained, and no other LayerNorm: give --location {seen[0]}"
        )
