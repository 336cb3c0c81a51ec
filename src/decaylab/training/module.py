"""The training step: a model's output and the target, brought into the space that the loss works in.

Shapes: B rooms in a batch, K points of a curve (the samples, or the model's knots).
"""

from __future__ import annotations

from typing import Any

import lightning as L
import torch

from decaylab.catalogue.settings import TrainConfig
from decaylab.losses import CurveLoss, Grid
from decaylab.losses.scalar_heads import scalar_head_loss
from decaylab.rooms.scaling import Scaler, usable_scale
from decaylab.training.data import Batch, at_positions
from decaylab.training.process import quiet_lightning

#: What Lightning calls each precision.
PRECISION = {32: "32-true", 16: "16-mixed", "bf16": "bf16-mixed"}


def trainer_for(config: TrainConfig, device: str, **more: Any) -> L.Trainer:
    """Lightning's trainer with these settings, without what it prints; `more`: its own arguments.

    Args:
        device: "cpu" or "cuda".
    """
    quiet_lightning()
    return L.Trainer(
        accelerator="gpu" if device == "cuda" else "cpu",
        devices=1,
        precision=PRECISION[config.precision],
        gradient_clip_val=config.gradient_clip_val,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **more,
    )


class CurveModule(L.LightningModule):
    """A model, a loss and an optimiser. Everything outside this class is in physical units."""

    center: torch.Tensor
    scale: torch.Tensor
    sample_time: torch.Tensor
    sample_weight: torch.Tensor

    def __init__(
        self,
        model: Any,
        loss: CurveLoss,
        curve_scaler: Scaler,
        config: TrainConfig,
        samples: int,
        sampling_rate: float,
    ) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.config = config
        constants = {
            "center": torch.from_numpy(curve_scaler.center).float(),
            "scale": torch.from_numpy(usable_scale(curve_scaler.scale)).float(),
            "sample_time": torch.arange(samples) / sampling_rate,
            "sample_weight": torch.full((samples,), 1 / samples),
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        total, terms = self.loss_of(batch)
        size = len(batch["features"])
        self.log("train_loss", total.detach(), on_step=False, on_epoch=True, batch_size=size)
        if len(terms) > 1:
            named = {f"train_{name}": value.detach() for name, value in terms.items()}
            self.log_dict(named, on_step=False, on_epoch=True, batch_size=size)
        return total

    def validation_step(self, batch: Batch, index: int) -> None:
        total, _ = self.loss_of(batch)
        self.log("val_loss", total, on_step=False, on_epoch=True, batch_size=len(batch["features"]))

    def configure_optimizers(self) -> Any:
        # Fused Adam with clipping under a gradient scaler raises; elsewhere it is two to three times faster.
        fused = not (self.config.precision == 16 and self.config.gradient_clip_val is not None)
        rate = self.config.learning_rate
        if rate is None:
            raise TypeError("the configuration has no learning rate: call TrainConfig.completed first")
        if self.config.weight_decay:
            optimizer: torch.optim.Optimizer = torch.optim.AdamW(
                self.parameters(), lr=rate, weight_decay=self.config.weight_decay, fused=fused
            )
        else:
            optimizer = torch.optim.Adam(self.parameters(), lr=rate, fused=fused)
        if self.config.schedule != "onecycle":
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=max(steps, 2))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def predict_energy(self, inputs: torch.Tensor) -> torch.Tensor:
        """Linear energy (B, samples) for inputs as the model takes them."""
        return self.predict(inputs)[0]

    def predict(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Linear energy (B, samples), and what the model's scalar heads answer, (B, S); None if it has none."""
        if self.model.outputs == "knots":
            return self.model.render(self.model(inputs), inputs), None
        if getattr(self.model, "scalars", ()):
            output, scalars = self.model.forward_with_scalars(inputs)
            return output.float() * self.scale + self.center, scalars.float()
        return self.model(inputs).float() * self.scale + self.center, None

    def loss_of_curve(self, curve: torch.Tensor, scalars: torch.Tensor | None, batch: Batch) -> torch.Tensor:
        """The loss, a scalar, if every room of the batch were answered with the same.

        Args:
            curve: (samples,), linear energy.
            scalars: (S,), of a model with scalar heads; None of any other.
            batch: of `data.rooms_for`.
        """
        rooms = len(batch["features"])
        curves = curve.expand(rooms, -1)
        if self.model.outputs == "knots":
            return self._knot_loss(at_positions(curves, batch["index"]), batch)[0]
        total, _ = self._curve_loss((curves - self.center) / self.scale, batch)
        if scalars is None:
            return total
        answers = scalars.expand(rooms, -1)
        return total + scalar_head_loss(answers, batch["scalars"], self.model.scalar_scale, self.model.scalars)[0]

    def loss_of(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The loss of the model's answer, a scalar, and its unweighted terms by name."""
        if self.model.outputs == "knots":
            level = self.model(batch["features"], batch["physics"]).float()
            return self._knot_loss(torch.pow(10.0, level / 10), batch)
        if "scalars" in batch:
            output, scalars = self.model.forward_with_scalars(batch["features"])
            total, terms = self._curve_loss(output, batch)
            heads = scalar_head_loss(scalars.float(), batch["scalars"], self.model.scalar_scale, self.model.scalars)
            return total + heads[0], terms | heads[1]
        return self._curve_loss(self.model(batch["features"]), batch)

    def _knot_loss(self, energy: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The loss of linear energy at the knots, (B, K)."""
        target = batch["target"]
        if self.loss.space == "scaled":
            center, scale = self._scaling_at(batch["index"])
            energy, target = (energy - center) / scale, (target - center) / scale
        return self.loss(energy, target, Grid(batch["time"], batch["weight"], batch["onset"]))

    def _curve_loss(self, output: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The loss of scaled curves (B, samples), as the model answers them."""
        output, target = output.float(), batch["target"]
        grid = Grid(self.sample_time, self.sample_weight, batch["onset"])
        if self.loss.space == "scaled":
            return self.loss(output, (target - self.center) / self.scale, grid)
        return self.loss(output * self.scale + self.center, target, grid)

    def _scaling_at(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows = len(index)
        return (
            at_positions(self.center.expand(rows, -1), index),
            at_positions(self.scale.expand(rows, -1), index),
        )
