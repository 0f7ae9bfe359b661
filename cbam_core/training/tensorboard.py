"""Logging for TensorBoard: the course's five tags, the learning rate, and every block's gates on fixed images."""

from __future__ import annotations

from pathlib import Path

from torch import nn
from torch.utils.tensorboard import SummaryWriter

from cbam_core.results.history import History
from cbam_core.training.callbacks import Callback, Step
from cbam_core.training.filming import Camera
from cbam_core.training.logging_gates import draw_gate

FOLDER = "tensorboard"
"""Name of the log's folder in the run's folder."""


class TensorBoard(Callback):
    """A callback that writes event files.

    ``Train/Iteration Loss``, ``Train/Epoch Loss``, ``Train/Epoch Accuracy``, ``Test/Epoch Loss`` and
    ``Test/Epoch Accuracy`` are the course's names, counted from 1 as there; its "Test" images are the validation images
    here. Accuracies are in [0, 1].

    Args:
        folder: folder of the run.
        camera: recorder of the gates after each epoch.
    """

    def __init__(self, folder: Path, camera: Camera) -> None:
        self._folder, self._camera = folder / FOLDER, camera

    def begin(self, model: nn.Module, history: History) -> None:
        """Open the log, and hide the entries of an interrupted epoch."""
        self._writer = SummaryWriter(str(self._folder), purge_step=len(history.losses) + 1)

    def step(self, step: Step) -> None:
        """Log a batch."""
        self._writer.add_scalar("Train/Iteration Loss", step.loss, step.number)
        self._writer.add_scalar("Learning Rate", step.learning_rate, step.number)

    def epoch(self, model: nn.Module, history: History) -> None:
        """Log an epoch, and the gates of every block on the fixed images."""
        epoch = history.epochs[-1]
        self._writer.add_scalar("Train/Epoch Loss", epoch.train_loss, epoch.number)
        self._writer.add_scalar("Train/Epoch Accuracy", epoch.train_accuracy, epoch.number)
        self._writer.add_scalar("Test/Epoch Loss", epoch.validation_loss, epoch.number)
        self._writer.add_scalar("Test/Epoch Accuracy", epoch.validation_accuracy, epoch.number)
        scene = self._camera.take(model, epoch.number)
        for gate in scene.gates:
            first = scene.gate(gate.block, gate.kind) is gate
            tag = gate.block if first else gate.name  # a further gate of its kind is named itself
            draw_gate(self._writer, tag, gate.kind, gate.values[0], scene.images, epoch.number)
            if gate.kind == "channel":
                self._writer.add_histogram(f"Channel weights/{tag}", gate.values[0], epoch.number)
        self._writer.flush()

    def end(self, history: History) -> None:
        """Close the log."""
        self._writer.close()
