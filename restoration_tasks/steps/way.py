"""The way of a reel: the one place that knows which step needs which result.

The command line, the Airflow operators and the tests ask it for specs. Reel-level results are handed on by URI; results
of segments are found again by signature, because the same work always has the same signature.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from pydantic import JsonValue

from restoration_tasks import __version__
from restoration_tasks.media.segments import Segment
from restoration_tasks.restoration.enlargement import Enlargement
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.errors import DeliveryError, StepFailed, about_reel
from restoration_tasks.runtime.identifiers import check_reel_id
from restoration_tasks.runtime.settings import Runtime, Settings
from restoration_tasks.runtime.spec import NumericProfile, Reference, Source, Spec, StepName, StepResult
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps.asked import Batch, Execution, PlanFile, RunOptions
from restoration_tasks.steps.batching import Pace, by_frames, by_seconds
from restoration_tasks.steps.inbox import delivery_of, is_delivery
from restoration_tasks.steps.registry import definition
from restoration_tasks.steps.rules import Rules


@dataclass(frozen=True)
class Way:
    """Builds the specs of one reel.

    Args:
        reel_id: the reel.
        settings: where the vault is, and the numeric profile.
        options: the trigger form.
    """

    reel_id: str
    settings: Settings
    options: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        check_reel_id(self.reel_id)

    @cached_property
    def vault(self) -> Vault:
        """The vault of the settings."""
        return Vault(self.settings.vault_root)

    @cached_property
    def rules(self) -> Rules:
        """What the run goes by.

        Raises:
            WrongUse: there is no such profile, or its file is not valid.
        """
        with about_reel(self.reel_id):
            return self.options.rules or Rules.of(self.settings, self.options)

    @cached_property
    def delivery(self) -> Path:
        """The scanner's folder of this reel."""
        if self.options.delivery:
            return Path(self.options.delivery)
        return delivery_of(self.settings.inbox_folder, self.reel_id)

    def require_delivery(self) -> None:
        """Look whether there is a delivery at all.

        Raises:
            DeliveryError: there is none; the line names those there are.
        """
        if is_delivery(self.delivery):
            return
        inbox = self.settings.inbox_folder
        known = sorted(entry.name for entry in inbox.iterdir() if entry.is_dir()) if inbox.is_dir() else []
        raise DeliveryError(
            "there is no delivery for this reel",
            reel=self.reel_id,
            expected=f"a folder {self.delivery}",
            found=f"deliveries {', '.join(known[:5])}{' …' if len(known) > 5 else ''}" if known else "an empty inbox",
            action="check the reel id, or wait until the scanner has delivered it",
        )

    # -- specs ---------------------------------------------------------------------------------------------------------

    def ingest(self, execution: Execution) -> Spec:
        """Check every frame of the delivery and make the preservation master.

        Raises:
            DeliveryError: there is no complete delivery.
        """
        options = self.options
        asked: dict[str, JsonValue] = {
            "fps": self.rules.fps,
            "expected_frames": options.expected_frames,
            "specification": options.specification,
            "waivers": [waiver.model_dump(mode="json") for waiver in options.waivers],
        }
        return self._spec(
            StepName.INGEST,
            execution,
            sources={"delivery": self._delivery_source()},
            params={name: value for name, value in asked.items() if value},
        )

    def shots(self, execution: Execution, ingest: StepResult) -> Spec:
        """Find the cuts."""
        from restoration_tasks.models.transnet import WEIGHTS_SHA256

        return self._spec(
            StepName.SHOTS,
            execution,
            inputs={"master": ingest.reference("master")},
            models={"transnetv2": WEIGHTS_SHA256},
        )

    def assess(self, execution: Execution, ingest: StepResult, segment: Segment, *, faces: bool | None = None) -> Spec:
        """Measure the damage of one segment.

        Args:
            execution: who asks.
            ingest: the preservation master.
            segment: which.
            faces: whether faces are looked for; where the network for it is installed if None.
        """
        from restoration_tasks.assessment.engine import Engine
        from restoration_tasks.models import centerface

        looked = self._finds_faces if faces is None else faces
        infrared = self._infrared(ingest)
        beside = {output.name: output.reference for output in ingest.outputs if infrared and output.name == "infrared"}
        return self._spec(
            StepName.ASSESS,
            execution,
            segment=segment.id,
            inputs={"master": ingest.reference("master"), **beside},
            params={"segment": segment.as_json(), "engine": self.options.engine, **infrared}
            | ({"faces": True} if looked else {}),
            models=Engine(self.options.engine).models | ({centerface.NAME: centerface.SHA256} if looked else {}),
        )

    @cached_property
    def _finds_faces(self) -> bool:
        """Whether the network that finds faces is installed where steps run."""
        from restoration_tasks.models import centerface
        from restoration_tasks.models.shelf.shelf import Shelf

        if self.settings.runtime is Runtime.KUBERNETES and self.settings.models is None:
            return False  # pods do not see this machine's home
        shelf = Shelf.of(self.settings)
        return shelf.has(shelf.entry(centerface.NAME))

    def _infrared(self, ingest: StepResult) -> dict[str, JsonValue]:
        """The parameter that names the scanner's channel of dirt; nothing where there is none, or it is not wanted."""
        source, stated = ingest.figures.get("infrared"), ingest.figures.get("infrared_polarity")
        if source is None or self.options.infrared == "off":
            return {}
        polarity = stated if self.options.infrared == "as-delivered" else self.options.infrared
        return {"infrared": {"source": source, "polarity": polarity}}

    def plan(
        self, execution: Execution, ingest: StepResult, shots: StepResult, assessed: Mapping[str, StepResult]
    ) -> Spec:
        """Decide what each shot needs, and report what the reel suffers from."""
        rules = self.rules
        params: dict[str, JsonValue] = {
            "treatments": list(rules.treatments),
            "strength": rules.strength,
            "engine": self.options.engine,
            "profile": rules.profile.model_dump(mode="json"),
        }
        if tunings := rules.tunings.model_dump(mode="json", exclude_defaults=True):
            params["tunings"] = tunings
        if rules.less_grain:
            params["less_grain"] = rules.less_grain
        if rules.enlarge != "no":
            params["enlarge"] = rules.enlarge
        if self.options.carrier is not None:
            params["carrier"] = self.options.carrier.model_dump(mode="json")
        return self._spec(
            StepName.PLAN,
            execution,
            inputs={"master": ingest.reference("master"), "shots": shots.reference("shots")}
            | {
                f"{name}/{segment}": result.reference(name)
                for segment, result in assessed.items()
                for name in ("figures", "lines", "readings", "faces", "map")
            },
            params=params,
        )

    def restore(
        self,
        execution: Execution,
        ingest: StepResult,
        assessed: Mapping[str, StepResult],
        plan: Plan,
        segment: Segment,
    ) -> Spec:
        """Treat one segment as its slice of the plan says.

        The maps of the whole shot come along: a repair must not take damage from beyond the segment's end.
        """
        part = plan.slice_for(segment)
        maps = {}
        if part.treatments:
            shot = [id_ for id_, result in assessed.items() if _segment_of(result).shot == segment.shot]
            maps = {f"map/{id_}": assessed[id_].reference("map") for id_ in shot}
        return self._spec(
            StepName.RESTORE,
            execution,
            segment=segment.id,
            inputs={"master": ingest.reference("master"), **maps},
            params={"segment": segment.as_json(), "plan": part.as_json()},
            models=part.models,
        )

    def enlarge(
        self, execution: Execution, restored: Mapping[str, StepResult], asked: Enlargement, segment: Segment
    ) -> Spec:
        """Make the larger version of one restored segment.

        Its neighbours in the shot come along as far as they are looked at, so that the pixels do not depend on where
        the shot was cut.
        """
        start, stop = asked.windows.reach(segment)
        parts = [_segment_of(result) for result in restored.values()]
        seen = sorted(
            (part for part in parts if part.shot == segment.shot and part.start < stop and part.stop > start),
            key=lambda part: part.start,
        )
        return self._spec(
            StepName.ENLARGE,
            execution,
            segment=segment.id,
            inputs={f"segment/{part.id}": restored[part.id].reference("segment") for part in seen},
            params={
                "segment": segment.as_json(),
                "parts": [part.as_json() for part in seen],
                "enlarge": asked.as_json(),
            },
            models=asked.models,
        )

    def require_asked_models(self) -> None:
        """Look, before work starts, whether what the options ask for can be made; errors as for `require_models`."""
        from restoration_tasks.assessment.engine import Engine
        from restoration_tasks.assessment.less_grain import models_asked

        asked, engine = Enlargement.of(self.rules.enlarge), Engine(self.options.engine)
        self.require_models(models_asked(asked, self.rules.less_grain, engine))

    def require_models(self, names: Iterable[str]) -> None:
        """Look, before work starts, whether networks from the shelf are there.

        Raises:
            ModelError: one is not installed, or has other bytes than are pinned.
            DecisionNeeded: nobody has accepted its licence.
        """
        from restoration_tasks.models.shelf.shelf import Shelf

        if self.settings.runtime is Runtime.KUBERNETES and self.settings.models is None:
            return  # pods do not see this machine's home; the step looks where it runs
        shelf = Shelf.of(self.settings)
        with about_reel(self.reel_id):
            for name in names:
                shelf.require(name)

    def assemble(
        self,
        execution: Execution,
        ingest: StepResult,
        restored: Mapping[str, StepResult],
        segments: Iterable[Segment],
        enlarged: Mapping[str, StepResult] | None = None,
    ) -> Spec:
        """Join the segments and make the copies; the same of their larger version where there is one."""
        larger = enlarged or {}
        params: dict[str, JsonValue] = {
            "segments": [
                segment.as_json() | {"untouched": not restored[segment.id].figures.get("frames_changed")}
                for segment in segments
            ]
        }
        for result in larger.values():  # all have the same
            params["enlarge"] = result.params["enlarge"]
        return self._spec(
            StepName.ASSEMBLE,
            execution,
            inputs={"master": ingest.reference("master"), "framemd5": ingest.reference("framemd5")}
            | {f"segment/{id_}": result.reference("segment") for id_, result in restored.items()}
            | {f"enlarged/{id_}": result.reference("enlarged") for id_, result in larger.items()},
            params=params,
        )

    def check(
        self,
        execution: Execution,
        ingest: StepResult,
        shots: StepResult,
        assessed: Mapping[str, StepResult],
        restored: Mapping[str, StepResult],
        plan: Reference,
        assembled: StepResult,
    ) -> Spec:
        """Measure the restoration against the scan."""
        from restoration_tasks.quality.agreement import slice_digest

        return self._spec(
            StepName.CHECK,
            execution,
            sources={"delivery": self._delivery_source()},
            inputs={
                "scan": ingest.reference("scan"),
                "master": ingest.reference("master"),
                "framemd5": ingest.reference("framemd5"),
                "shots": shots.reference("shots"),
                "plan": plan,
                **{
                    name: assembled.reference(name)
                    for name in ("restoration_master", "restored_framemd5", "mezzanine", "access", "comparison")
                },
                **{
                    output.name: output.reference
                    for output in assembled.outputs
                    if output.name in {"scan_access", "enlarged_master", "enlarged_access"}
                },
                **{f"map/{id_}": result.reference("map") for id_, result in assessed.items()},
                **{f"figures/{id_}": result.reference("figures") for id_, result in assessed.items()},
                **{f"faces/{id_}": result.reference("faces") for id_, result in assessed.items()},
                **{f"changes/{id_}": result.reference("changes") for id_, result in restored.items()},
            },
            params={"carried_out": {id_: slice_digest(result.params["plan"]) for id_, result in restored.items()}},
        )

    def package(
        self,
        execution: Execution,
        ingest: StepResult,
        plan: Reference,
        assembled: StepResult,
        checked: StepResult,
        documents: Mapping[str, Reference],
        info: Mapping[str, JsonValue],
    ) -> Spec:
        """Put everything that is kept into one BagIt bag.

        Args:
            execution: who asks.
            ingest: the preservation master and everything kept with it.
            plan: the plan version that was carried out.
            assembled: restored master and copies.
            checked: check and report.
            documents: provenance exports by role (`premis`, `mets`, `chain` …).
            info: bag-info fields; the date is among them, so that the same spec gives the same bytes.
        """
        return self._spec(
            StepName.PACKAGE,
            execution,
            inputs={
                **{output.name: output.reference for output in ingest.outputs},
                "plan": plan,
                **{output.name: output.reference for output in assembled.outputs},
                **{name: checked.reference(name) for name in ("check", "report")},
                **documents,
            },
            params={"info": dict(info)},
        )

    def _spec(
        self,
        step: StepName,
        execution: Execution,
        *,
        segment: str | None = None,
        inputs: Mapping[str, Reference] | None = None,
        sources: Mapping[str, Source] | None = None,
        params: Mapping[str, JsonValue] | None = None,
        models: Mapping[str, str] | None = None,
    ) -> Spec:
        return Spec(
            step=step,
            step_version=definition(step).version,
            reel_id=self.reel_id,
            segment=segment,
            inputs=dict(inputs or {}),
            sources=dict(sources or {}),
            params=dict(params or {}),
            models=dict(models or {}),
            profile=NumericProfile.of(self.settings),
            vault=self.settings.vault_root,
            execution_id=f"{execution.id}/{segment}" if segment else execution.id,
            fresh=execution.fresh,
        )

    def _delivery_source(self) -> Source:
        from restoration_tasks.media.delivery.delivery import delivery_digest

        with about_reel(self.reel_id):
            digest, _frames = delivery_digest(self.delivery)
        return Source(location=str(self.delivery), sha256=digest)

    # -- plan versions and package -------------------------------------------------------------------------------------

    def draft(self, planned: StepResult) -> str:
        """The YAML a plan step drafted.

        Raises:
            StepFailed: it is gone.
        """
        text = self.vault.read_bytes(planned.output("plan").uri)
        if text is None:
            raise StepFailed("the drafted plan is gone", reel=self.reel_id, action="clear the plan task")
        return text.decode()

    def plan_file(self, version: int, yaml: str) -> PlanFile:
        """Lay a recorded plan version into the vault, where the steps after it read it.

        Raises:
            PlanError: the text is not a valid plan.
        """
        plan = Plan.from_yaml(yaml)
        content = yaml.encode()
        uri = self.vault.uri("reels", self.reel_id, "plans", f"v{version:04d}.yaml")
        if self.vault.read_bytes(uri) != content:
            self.vault.write_bytes(uri, content)
        reference = Reference(uri=uri, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
        return PlanFile(version, plan, reference)

    def bag_info(self, day: date, plan_version: int) -> dict[str, JsonValue]:
        """The bag-info fields of the reel's package.

        Args:
            day: the Bagging-Date: when the reel was assembled, not now, so that the same work gives the same bytes.
            plan_version: the plan that was carried out.
        """
        return {
            "External-Identifier": self.reel_id,
            "External-Description": f"Restoration of reel {self.reel_id}, plan version {plan_version}",
            "Bagging-Date": day.isoformat(),
            "Bag-Software-Agent": f"reelkeeper {__version__}",
        }

    def package_uri(self, packaged: StepResult) -> str:
        """The folder of the bag a package step made."""
        bag_txt = next(output for output in packaged.outputs if output.uri.endswith("/bagit.txt"))
        return bag_txt.uri.removesuffix("/bagit.txt")

    # -- what is done --------------------------------------------------------------------------------------------------

    def segments(self, shots: StepResult) -> tuple[Segment, ...]:
        """The reel's segments, in order."""
        text = self.vault.read_bytes(shots.output("shots").uri)
        if text is None:
            raise StepFailed("the shot list is gone", reel=self.reel_id, action="clear the shots task")
        return tuple(Segment.from_json(item) for item in json.loads(text)["segments"])

    def batches(self, step: StepName, shots: StepResult, pace: Pace, plan: Plan | None = None) -> list[Batch]:
        """The lanes of a step: segments gathered until each outweighs its start, or holds the frames asked for.

        Args:
            step: assess, restore or enlarge.
            shots: the shot list.
            pace: what work takes.
            plan: what is carried out, for restore.
        """
        segments = self.segments(shots)
        if frames := self.options.batch_frames or self.settings.batch_frames:
            return by_frames(segments, frames)
        beside = self.settings.lanes if self.settings.runtime is Runtime.LOCAL else 1
        return by_seconds(segments, pace.of(step, plan), pace, beside=beside)

    def result_of(self, spec: Spec) -> StepResult:
        """The finished result of a spec.

        Raises:
            StepFailed: it is not finished, or a file of it is gone.
        """
        result = self.vault.result(spec.reel_id, spec.step, spec.signature)
        if result is None or self.vault.missing(result):
            raise StepFailed(
                f"{spec.label} has left no whole result", reel=self.reel_id, action=f"clear the task of {spec.label}"
            )
        return result

    def assessed(self, ingest: StepResult, shots: StepResult) -> dict[str, StepResult]:
        """The newest assessment of every segment."""
        return {segment.id: self._assessed(ingest, segment) for segment in self.segments(shots)}

    def _assessed(self, ingest: StepResult, segment: Segment) -> StepResult:
        """A segment's assessment, with faces rather than without.

        The network may have been installed or removed since the segment was assessed; maps and figures are the same.
        """
        asks = Execution("lookup")
        looked, not_looked = (self.assess(asks, ingest, segment, faces=faces) for faces in (True, False))
        found = self.vault.result(self.reel_id, looked.step, looked.signature)
        return self.result_of(not_looked if found is None else looked)

    def restored(self, ingest: StepResult, shots: StepResult, plan: Plan) -> dict[str, StepResult]:
        """The newest restoration of every segment under a plan."""
        asks, assessed = Execution("lookup"), self.assessed(ingest, shots)
        return {
            segment.id: self.result_of(self.restore(asks, ingest, assessed, plan, segment))
            for segment in self.segments(shots)
        }

    def enlarged(self, shots: StepResult, plan: Plan, restored: Mapping[str, StepResult]) -> dict[str, StepResult]:
        """The newest larger version of every segment; empty where the plan asks for none."""
        if plan.enlarge is None:
            return {}
        asks = Execution("lookup")
        return {
            segment.id: self.result_of(self.enlarge(asks, restored, plan.enlarge, segment))
            for segment in self.segments(shots)
        }


def _segment_of(result: StepResult) -> Segment:
    return Segment.from_json(result.params["segment"])
