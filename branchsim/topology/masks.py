"""Salesforce metadata that a deployment must not overwrite, as a mask on paths.

A manifest such as ``manifest/package-no-overwrite.xml`` names metadata by type and member; the repository holds files.
`metadata_of` is the bridge: from the path of a file in source format to the types and members it is part of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.errors import TopologyError
from branchsim.topology.patterns import matches
from branchsim.topology.records import is_blank

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Parts of a custom object, by the folder below the object: each has a type of its own in a manifest.
_OBJECT_PARTS = {
    "businessProcesses": "BusinessProcess",
    "compactLayouts": "CompactLayout",
    "fieldSets": "FieldSet",
    "fields": "CustomField",
    "indexes": "Index",
    "listViews": "ListView",
    "recordTypes": "RecordType",
    "sharingReasons": "SharingReason",
    "validationRules": "ValidationRule",
    "webLinks": "WebLink",
}

# Types whose members live in folders: the member is `Folder/Name`.
_IN_FOLDERS = {
    "dashboards": "Dashboard",
    "documents": "Document",
    "email": "EmailTemplate",
    "reports": "Report",
}

# Types that are a directory of files (bundles): the member is the name of the directory.
_BUNDLES = {
    "aura": "AuraDefinitionBundle",
    "digitalExperiences": "DigitalExperienceBundle",
    "experiences": "ExperienceBundle",
    "lwc": "LightningComponentBundle",
    "objectTranslations": "CustomObjectTranslation",
    "staticresources": "StaticResource",
    "waveTemplates": "WaveTemplateBundle",
}

# Types that are one file per member, by folder.
_FILES = {
    "LeadConvertSettings": "LeadConvertSettings",
    "analyticSnapshots": "AnalyticSnapshot",
    "animationRules": "AnimationRule",
    "apexEmailNotifications": "ApexEmailNotifications",
    "applications": "CustomApplication",
    "approvalProcesses": "ApprovalProcess",
    "assignmentRules": "AssignmentRules",
    "authproviders": "AuthProvider",
    "autoResponseRules": "AutoResponseRules",
    "cachePartitions": "PlatformCachePartition",
    "certs": "Certificate",
    "classes": "ApexClass",
    "cleanDataServices": "CleanDataService",
    "communities": "Community",
    "components": "ApexComponent",
    "connectedApps": "ConnectedApp",
    "contentassets": "ContentAsset",
    "corsWhitelistOrigins": "CorsWhitelistOrigin",
    "cspTrustedSites": "CspTrustedSite",
    "customMetadata": "CustomMetadata",
    "customPermissions": "CustomPermission",
    "customindex": "CustomIndex",
    "dataSources": "ExternalDataSource",
    "delegateGroups": "DelegateGroup",
    "duplicateRules": "DuplicateRule",
    "entitlementProcesses": "EntitlementProcess",
    "escalationRules": "EscalationRules",
    "externalCredentials": "ExternalCredential",
    "flexipages": "FlexiPage",
    "flowDefinitions": "FlowDefinition",
    "flows": "Flow",
    "globalValueSetTranslations": "GlobalValueSetTranslation",
    "globalValueSets": "GlobalValueSet",
    "groups": "Group",
    "homePageComponents": "HomePageComponent",
    "homePageLayouts": "HomePageLayout",
    "installedPackages": "InstalledPackage",
    "labels": "CustomLabels",
    "layouts": "Layout",
    "letterhead": "Letterhead",
    "managedTopics": "ManagedTopics",
    "matchingRules": "MatchingRules",
    "messageChannels": "LightningMessageChannel",
    "milestoneTypes": "MilestoneType",
    "mutingpermissionsets": "MutingPermissionSet",
    "namedCredentials": "NamedCredential",
    "networkBranding": "NetworkBranding",
    "networks": "Network",
    "notificationtypes": "CustomNotificationType",
    "pages": "ApexPage",
    "pathAssistants": "PathAssistant",
    "permissionsetgroups": "PermissionSetGroup",
    "permissionsets": "PermissionSet",
    "platformEventChannelMembers": "PlatformEventChannelMember",
    "platformEventChannels": "PlatformEventChannel",
    "presenceUserConfigs": "PresenceUserConfig",
    "profilePasswordPolicies": "ProfilePasswordPolicy",
    "profileSessionSettings": "ProfileSessionSetting",
    "profiles": "Profile",
    "prompts": "Prompt",
    "queueRoutingConfigs": "QueueRoutingConfig",
    "queues": "Queue",
    "quickActions": "QuickAction",
    "remoteSiteSettings": "RemoteSiteSetting",
    "reportTypes": "ReportType",
    "restrictionRules": "RestrictionRule",
    "roles": "Role",
    "samlssoconfigs": "SamlSsoConfig",
    "serviceChannels": "ServiceChannel",
    "servicePresenceStatuses": "ServicePresenceStatus",
    "settings": "Settings",
    "sharingRules": "SharingRules",
    "sharingSets": "SharingSet",
    "siteDotComSites": "SiteDotCom",
    "sites": "CustomSite",
    "standardValueSetTranslations": "StandardValueSetTranslation",
    "standardValueSets": "StandardValueSet",
    "tabs": "CustomTab",
    "territory2Models": "Territory2Model",
    "territory2Types": "Territory2Type",
    "testSuites": "ApexTestSuite",
    "topicsForObjects": "TopicsForObjects",
    "translations": "Translations",
    "triggers": "ApexTrigger",
    "userCriteria": "UserCriteria",
    "weblinks": "CustomPageWebLink",
    "workflows": "Workflow",
}


def metadata_of(path: str) -> tuple[str, str] | None:
    """Which metadata a file in source format is part of.

    Parameters
    ----------
    path : str
        A path in the repository, such as ``force-app/main/default/profiles/Admin.profile-meta.xml``.

    Returns
    -------
    tuple of (str, str) or None
        Type and member as a manifest names them: ``("Profile", "Admin")``, ``("CustomField", "Account.Code__c")``,
        ``("Report", "Sales/Weekly")``, ``("LightningComponentBundle", "banner")``. ``None`` for a path that is no known
        metadata. All labels share one file, which is ``("CustomLabels", "CustomLabels")``.
    """
    segments = path.split("/")
    # The leftmost known folder decides, since names further in (a component called `flows`) mean nothing; but the
    # directories of a package may bear such a name too (`classes/main/default/profiles`), so a folder that does not
    # fit the shape of its type is passed over.
    for at, folder in enumerate(segments[:-1]):
        found = _member(folder, segments[at + 1 :])
        if found is not None:
            return found
    return None


def _member(folder: str, rest: list[str]) -> tuple[str, str] | None:
    """Read the path below a folder, or ``None`` where the folder is not that of a type."""
    if folder == "objects":
        if len(rest) > 2 and rest[1] in _OBJECT_PARTS:  # noqa: PLR2004 - object, kind of part, file
            return _OBJECT_PARTS[rest[1]], f"{rest[0]}.{_stem(rest[-1])}"
        return ("CustomObject", _stem(rest[0])) if rest[-1].endswith((".object-meta.xml", ".object")) else None
    if folder in _BUNDLES:
        return _BUNDLES[folder], rest[0] if len(rest) > 1 else _stem(rest[0])
    if folder in _IN_FOLDERS:
        return _IN_FOLDERS[folder], "/".join([*rest[:-1], _stem(rest[-1])])
    if folder in _FILES and len(rest) == 1:
        return _FILES[folder], _stem(rest[0])
    return None


def _stem(name: str) -> str:
    """The member that a file name stands for: without ``-meta.xml`` and without one suffix."""
    bare = name.removesuffix("-meta.xml")
    stem, dot, _ = bare.rpartition(".")
    return stem if dot and stem else bare


@dataclass(frozen=True, slots=True)
class MetadataMask:
    """Metadata that must not be overwritten once it exists: what such a file loses is not counted as lost.

    Build one with `MetadataMask.of`.

    Attributes
    ----------
    members : tuple of (str, tuple of str)
        Types and their members, in alphabetical order. A member may be a name, ``*``, or a name pattern (``*__dlm``).
    branch : str or None
        The branch for which the mask holds; ``None`` means every branch that has no mask of its own.
    origin : str
        The file it was read from; only informs.
    """

    members: tuple[tuple[str, tuple[str, ...]], ...]
    branch: str | None = None
    origin: str = ""

    def __post_init__(self) -> None:
        for kind, names in self.members:
            if is_blank(kind) or not kind.isidentifier():
                raise TopologyError(f"mask {self.origin!r}: {kind!r} is not the name of a metadata type")
            if any(is_blank(name) for name in names):
                raise TopologyError(f"mask {self.origin!r}: the members of {kind} must be names, and not empty")

    @classmethod
    def of(cls, types: Mapping[str, Iterable[str]], *, branch: str | None = None, origin: str = "") -> MetadataMask:
        """Build a mask from a mapping of types to members.

        Raises
        ------
        TopologyError
            A type or a member is empty or not text.
        """
        members: list[tuple[str, tuple[str, ...]]] = []
        for kind in sorted(types):
            names = types[kind]
            if isinstance(names, str):
                raise TopologyError(f"mask {origin!r}: give the members of {kind} as a list of names")
            members.append((kind, tuple(sorted(set(names)))))
        return cls(tuple(members), branch=branch, origin=origin)

    @property
    def types(self) -> dict[str, tuple[str, ...]]:
        """A fresh mapping of types to members."""
        return dict(self.members)

    def holds(self, kind: str, member: str) -> bool:
        """Whether the mask names this member of this type; ``*`` covers all members of its type."""
        return any(
            kind == of and any(name == member or matches(name, member) for name in names) for of, names in self.members
        )

    def covers(self, path: str) -> bool:
        """Whether a file in source format belongs to metadata that the mask names.

        A part of an object is covered where its own type is named (``CustomField``): a manifest that protects
        the object does not protect its fields. The file of all labels is also covered by ``CustomLabel`` with ``*``;
        which of single labels changed, a path cannot tell.
        """
        found = metadata_of(path)
        if found is None:
            return False
        return self.holds(*found) or (found[0] == "CustomLabels" and "*" in self.types.get("CustomLabel", ()))
