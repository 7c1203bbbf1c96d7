"""The PyTorch network, apart from training, so that the scoring script can load weights into it.

A state dict holds numbers and no code: whoever loads it needs this class and nothing else.
"""

import torch
from torch import nn


class DigitNetwork(nn.Module):
    """A small convolutional network for 8x8 digits.

    Takes a float tensor of shape (n, 8, 8) with pixel values 0 to 16 and returns logits of
    shape (n, 10). Scaling to 0..1 is part of the network, so no caller can forget it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(32 * 4 * 4, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return one row of ten logits for each image."""
        logits: torch.Tensor = self.layers(images.unsqueeze(1) / 16)
        return logits
