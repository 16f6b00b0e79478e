"""AdamW: Adam with decoupled weight decay."""

from microdl.keras.optimizers.adam import Adam


class AdamW(Adam):
    """Each step first takes ``w -= learning_rate * weight_decay * w``, then Adam's step, which does not see the decay.

    Args: as for ``Adam``; weight_decay: float, per step and unit of learning rate.

    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
    """

    def __init__(
        self,
        learning_rate=0.001,
        weight_decay=0.004,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        amsgrad=False,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        name="adamw",
        **unknown,
    ):
        if weight_decay is None:
            raise ValueError("AdamW: weight_decay must be a float, got None (Adam is the rule without it)")
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            name,
            **unknown,
        )
