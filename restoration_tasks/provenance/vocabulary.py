"""The words of the provenance: PREMIS event types, our local subtypes, roles, outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from restoration_tasks.runtime.spec import StepName

EVENT_TYPE_AUTHORITY = "http://id.loc.gov/vocabulary/preservation/eventType"
"""The Library of Congress vocabulary the terms of `EventType` come from (2017 revision)."""
LOCAL_AUTHORITY = "urn:reelkeeper:eventType"
"""Authority of the terms that vocabulary lacks."""


class AgentKind(StrEnum):
    """Kinds of agent (PREMIS: person, organization, software, hardware; a model is software, a device hardware)."""

    PERSON = "person"
    SOFTWARE = "software"
    MODEL = "model"
    DEVICE = "device"
    ORGANISATION = "organisation"


class EventType(StrEnum):
    """Event types, spelled as in the PREMIS vocabulary. `DECISION` is the one local term."""

    INGESTION = "ingestion"
    METADATA_EXTRACTION = "metadata extraction"
    POLICY_ASSIGNMENT = "policy assignment"
    MODIFICATION = "modification"
    CREATION = "creation"
    VALIDATION = "validation"
    INFORMATION_PACKAGE_CREATION = "information package creation"
    METADATA_MODIFICATION = "metadata modification"
    FIXITY_CHECK = "fixity check"
    REPLICATION = "replication"
    DELETION = "deletion"
    DECISION = "decision"

    @property
    def authority(self) -> str:
        """The vocabulary this term belongs to."""
        return LOCAL_AUTHORITY if self is EventType.DECISION else EVENT_TYPE_AUTHORITY


class Outcome(StrEnum):
    """How an event ended. `WARNING` is a success somebody should look at."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class ObjectRole(StrEnum):
    """What an object was to an event (PREMIS linkingObjectRole)."""

    SOURCE = "source"
    OUTCOME = "outcome"


class AgentRole(StrEnum):
    """What an agent was to an event (PREMIS linkingAgentRole)."""

    EXECUTING_PROGRAM = "executing program"
    IMPLEMENTER = "implementer"
    AUTHORIZER = "authorizer"


class FixityOutcome(StrEnum):
    """What is known of a digest: it was computed as the file was made, or a later reading agreed or did not."""

    COMPUTED = "computed"
    PASS = "pass"  # noqa: S105 - the PREMIS outcome term, not a secret
    FAIL = "fail"


class DecisionAnswer(StrEnum):
    """What a person answered."""

    APPROVE = "approve"
    REDO = "redo"
    REJECT = "reject"


class ExportForm(StrEnum):
    """Forms of export."""

    CHAIN = "chain"
    """The reel's hash chain as JSON; anyone can verify it without the database."""
    PREMIS = "premis"
    """PREMIS 3 XML."""
    METS = "mets"
    """METS 1.12 XML: the PREMIS record, Dublin Core and PBCore, the kept files and how they belong together."""
    PROV = "prov"
    """PROV-JSON."""
    PBCORE = "pbcore"
    """PBCore 2.1 XML."""
    DC = "dc"
    """Dublin Core XML (`oai_dc`)."""
    CSV = "csv"
    """The events as a table."""


@dataclass(frozen=True)
class EventTerm:
    """An event in two words."""

    type: EventType
    """The PREMIS term."""
    subtype: str
    """Ours: what kind of that it was."""


STEP_TERMS: dict[StepName, EventTerm] = {
    # the digests taken while ingesting are in the event's detail and in `fixity`, not a second event
    StepName.INGEST: EventTerm(EventType.INGESTION, "message digest calculation"),
    StepName.SHOTS: EventTerm(EventType.METADATA_EXTRACTION, "shot detection"),
    StepName.ASSESS: EventTerm(EventType.METADATA_EXTRACTION, "damage assessment"),
    # a plan says what is to be done to the object: the nearest term is assigning it a policy
    StepName.PLAN: EventTerm(EventType.POLICY_ASSIGNMENT, "restoration plan"),
    # PREMIS has no "restoration"; since 2017 "modification" creates a new object, which is what we do
    StepName.RESTORE: EventTerm(EventType.MODIFICATION, "restoration"),
    StepName.ENLARGE: EventTerm(EventType.CREATION, "enlarged version"),
    StepName.ASSEMBLE: EventTerm(EventType.CREATION, "restoration master and copies"),
    StepName.CHECK: EventTerm(EventType.VALIDATION, "restoration check"),
    StepName.PACKAGE: EventTerm(EventType.INFORMATION_PACKAGE_CREATION, "packing"),
}
"""Step to PREMIS event."""

CATALOGUE_TERM = EventTerm(EventType.METADATA_MODIFICATION, "catalogue update")
DECISION_TERM = EventTerm(EventType.DECISION, "restoration decision")
WAIVER_TERM = EventTerm(EventType.DECISION, "waiver of a finding")
REVERT_TERM = EventTerm(EventType.POLICY_ASSIGNMENT, "treatments taken back")
"""A person has named shots rendered without treatments they had: as a plan is, a policy for what is made next."""
QUEUE_TERM = EventTerm(EventType.DECISION, "place in the queue")
"""A person has said when a reel is worked: sooner, later, not now."""
IMPORT_TERM = EventTerm(EventType.METADATA_MODIFICATION, "catalogue import")
"""A table has changed how reels are described."""
FRAMES_TERM = EventTerm(EventType.DECISION, "frames named")
"""A person has said, or taken back, that frames are not what they should be."""
CARRIER_TERM = EventTerm(EventType.METADATA_EXTRACTION, "carrier reading")
FIXITY_TERM = EventTerm(EventType.FIXITY_CHECK, "periodic audit")
REPAIR_TERM = EventTerm(EventType.REPLICATION, "repair from a replica")
RELEASE_TERM = EventTerm(EventType.DELETION, "working files released")
ERASURE_TERM = EventTerm(EventType.METADATA_MODIFICATION, "person forgotten")
