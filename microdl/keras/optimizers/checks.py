"""What optimizers say about arguments that are none of theirs."""

from microdl.keras.messages import arguments_of_init, refuse_unknown

# Keras's further arguments with the values that change nothing, the only ones that there are yet.
NOT_YET = {"loss_scale_factor": None}


def refuse_unknown_arguments(optimizer, unknown):
    """Raises ValueError for what is not there yet, TypeError for what nobody knows. unknown: dict of arguments."""
    for key in NOT_YET.keys() & unknown.keys():
        if (value := unknown.pop(key)) != NOT_YET[key]:
            raise ValueError(
                f"{optimizer.__name__}: {key} is not in microdl yet, it must be {NOT_YET[key]}, got {value!r}"
            )
    if unknown:
        refuse_unknown(optimizer.__name__, unknown, arguments_of_init(optimizer))


def kind(value):
    """What ``value`` is, for messages."""
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    article = "an" if type(value).__name__[0] in "aeiouAEIOU" else "a"
    shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
    return "None" if value is None else f"{article} {type(value).__name__}{shape}"
