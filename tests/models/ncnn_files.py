"""ncnn's two files of a small network, written as its converter writes them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

HALF, SINGLE = 0x01306B47, 0


def write(folder: Path, network, *, half: bool, name: str = "net") -> tuple[Path, Path]:
    """A chain of convolutions and PReLUs, from a torch `Sequential` of them."""
    from torch import nn

    lines, numbers = ["Input data 0 1 data"], []
    source = "data"
    for place, module in enumerate(network):
        target = "output" if place == len(network) - 1 else f"blob{place}"
        if isinstance(module, nn.Conv2d):
            weight = module.weight.detach().numpy()
            settings = f"0={weight.shape[0]} 1={weight.shape[3]} 11={weight.shape[2]} 4=1 14=1"
            settings += f" 5={int(module.bias is not None)} 6={weight.size}"
            raw = weight.astype("<f2" if half else "<f4").tobytes()
            numbers += [struct.pack("<I", HALF if half else SINGLE), raw, b"\0" * (-len(raw) % 4)]
            if module.bias is not None:
                numbers.append(module.bias.detach().numpy().astype("<f4").tobytes())
            kind = "Convolution"
        else:
            slopes = module.weight.detach().numpy()
            settings, kind = f"0={slopes.size}", "PReLU"
            numbers.append(slopes.astype("<f4").tobytes())
        lines.append(f"{kind} layer{place} 1 1 {source} {target} {settings}")
        source = target
    param, content = folder / f"{name}.param", folder / f"{name}.bin"
    param.write_text("\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines]) + "\n")
    content.write_bytes(b"".join(numbers))
    return param, content


def run(param: Path, content: Path, shown: np.ndarray) -> np.ndarray:
    """What the ncnn runtime makes of a picture `(C, H, W)` in single precision on one thread."""
    import ncnn

    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = 1
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, option, False)
    assert net.load_param(str(param)) == 0
    assert net.load_model(str(content)) == 0
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(np.ascontiguousarray(shown, np.float32)).clone())
    code, out = extractor.extract("output")
    assert code == 0
    return np.array(out)
