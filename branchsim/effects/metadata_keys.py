"""What identifies the elements of Salesforce metadata: for each tag the children whose text is the element's key.

A tag has alternatives, tried in order; the first of which a part is there is taken. An alternative of several parts
is a key of several parts: a layout assignment is identified by its layout and record type together. A tag that is not
listed is identified by a child with one of the names that identify anywhere (`EVERYWHERE`), or by nothing; then what
is in it is told apart by its own keys. A key must say no more than identity: with a visibility in it an edit would be
a removal.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Alternatives = tuple[tuple[str, ...], ...]

EVERYWHERE: tuple[str, ...] = ("fullName", "name", "developerName")

_ONE_PART = {
    # profiles, permission sets, muting permission sets
    "agentAccesses": "agentName",
    "applicationVisibilities": "application",
    "classAccesses": "apexClass",
    "categoryGroupVisibilities": "dataCategoryGroup",
    "customMetadataTypeAccesses": "name",
    "customPermissions": "name",
    "customSettingAccesses": "name",
    "emailRoutingAddressAccesses": "name",
    "externalCredentialPrincipalAccesses": "externalCredentialPrincipal",
    "externalDataSourceAccesses": "externalDataSource",
    "fieldLevelSecurities": "field",
    "fieldPermissions": "field",
    "flowAccesses": "flow",
    "loginFlows": "friendlyName",
    "objectPermissions": "object",
    "pageAccesses": "apexPage",
    "servicePresenceStatusAccesses": "servicePresenceStatus",
    "tabSettings": "tab",
    "tabVisibilities": "tab",
    "userPermissions": "name",
    # objects, fields, value sets
    "availableFields": "field",
    "displayedFields": "field",
    "sharingReasons": "fullName",
    "summaryFilterItems": "field",
    "valueSettings": "valueName",
    "valueTranslation": "masterLabel",
    "mktDataTranFields": "fullName",
    "fieldSourceTargetMaps": "targetField",
    # layouts and pages
    "layoutSections": "label",
    "platformActionListItems": "actionName",
    "quickActionListItems": "quickActionName",
    "relatedLists": "relatedList",
    "summaryLayoutItems": "field",
    "quickActionLayoutItems": "field",
    "flexiPageRegions": "name",
    "componentInstanceProperties": "name",
    "fieldInstanceProperties": "name",
    # flows
    "inputAssignments": "field",
    "outputAssignments": "assignToReference",
    "queriedFields": "field",
    "scheduledPaths": "name",
    "transformValueActions": "outputFieldApiName",
    # translations
    "layouts": "layout",
    "webLinks": "name",
    # rules
    "fieldOverrides": "field",
    "fieldUpdates": "fullName",
    "mappingFields": "inputField",
    "matchingRuleItems": "fieldName",
    "milestones": "milestoneName",
    "criterion": "criteriaNumber",
    # applications, settings, the rest
    "appSettings": "connectedAppName",
    "countries": "isoCode",
    "states": "isoCode",
    "dispositions": "fileType",
    "defaultShortcuts": "action",
    "customShortcuts": "action",
    "externalAuthIdentityProviderParameters": "parameterName",
    "keywords": "keyword",
    "managedContentNodeTypes": "nodeName",
    "mappings": "tab",
    "notificationTypeSettings": "notificationType",
    "packageVersions": "namespace",
    "parameters": "parameterName",
    "pathAssistantSteps": "picklistValueName",
    "pointsRule": "eventType",
    "navigationMenuItem": "label",
    "platformCachePartitionTypes": "cacheType",
    "promptVersions": "versionNumber",
    "templateVersions": "versionIdentifier",
    "apexEmailNotification": "user",
}

_OTHERS: dict[str, Alternatives] = {
    "actionOverrides": (("actionName", "pageOrSobjectType", "formFactor"),),
    "assignmentItems": (("assignToReference", "operator"),),
    "caseValues": (("article", "caseType", "plural", "possessive"),),
    "columns": (("table", "field"), ("name",)),
    "componentInstance": (("identifier",), ("componentName",)),
    "conditions": (("leftValueReference", "operator"), ("field", "operator")),
    "criteria": (("leftValue", "operator"),),
    "duplicateRuleMatchRules": (("matchRuleSObjectType", "matchingRule"),),
    "entitiesAndFields": (("entityName", "fieldName"),),
    "externalCredentialParameters": (("parameterGroup", "parameterName", "parameterType"),),
    "fieldInstance": (("identifier",), ("fieldItem",)),
    "fields": (("fullName",), ("name",), ("field",)),
    "criteriaItems": (("field",), ("column",)),
    "contextVariableMappings": (("SObjectType", "fieldName", "messageType"),),
    "feedFilters": (("feedFilterType", "feedFilterName"),),
    "filterItems": (("field", "operation"),),
    "filters": (("field", "operator"), ("field", "operation")),
    "inputParameters": (("name",), ("processParameterName",)),
    "labels": (("fullName",), ("name",)),
    "layoutAssignments": (("layout", "recordType"),),
    "layoutItems": (
        ("field",),
        ("customLink",),
        ("component",),
        ("page",),
        ("scontrol",),
        ("analyticsCloudComponent",),
    ),
    "loginIpRanges": (("startAddress", "endAddress"),),
    "module": (("fullyQualifiedName",), ("name",)),
    "namedCredentialParameters": (("parameterName", "parameterType"),),
    "objectMapping": (("inputObject", "outputObject"),),
    "outputParameters": (("name",), ("assignToReference",)),
    "packageTypeMembers": (("name",),),
    "picklistValues": (("picklist",), ("masterLabel",)),
    "profileActionOverrides": (("actionName", "pageOrSobjectType", "recordType", "formFactor", "profile"),),
    "recipients": (("type", "recipient", "field"),),
    "recordTypeVisibilities": (("recordType",),),
    "relatedContentItems": (("layoutItem",),),
    "rightComponents": (("componentType",),),
    "sections": (("section",), ("name",), ("masterLabel",), ("label",)),
    "sharingRecalculations": (("className",),),
    "standardFieldTranslations": (("name",), ("fullName",)),
    "values": (("fullName",), ("field",), ("name",)),
    "versionSettings": (("majorVersion", "minorVersion"),),
}

ATTRIBUTES: tuple[str, ...] = ("name", "targets", "id")
"""Attributes that identify an element of which no child does (the properties of Lightning components)."""

KEYS: Mapping[str, Alternatives] = MappingProxyType(
    {**{tag: ((child,),) for tag, child in _ONE_PART.items()}, **_OTHERS}
)
"""For each tag the alternatives that identify it."""

# These have a child of such a name and are not one of several: a key would turn an edit of the child into a removal.
UNKEYED = frozenset(
    {"connector", "defaultConnector", "faultConnector", "nextValueConnector", "noMoreValuesConnector", "start"}
)
"""Tags that are never keyed although a child has the name of a key."""

SUFFIXES = frozenset(
    """
    actionlinkgrouptemplate animationrule app appmenu approvalprocess assignmentrules authprovider autoresponserules bot
    botversion brandingset cachepartition callcenter cleandataservice community connectedapp corswhitelistorigin
    csptrustedsite customapplicationcomponent customnotificationtype custompermission dashboard datacategorygroup
    delegategroup duplicaterule embeddedserviceconfig entitlementprocess entitlementtemplate escalationrules
    externalcredential externalserviceregistration feedfilter flexipage flow flowcategory flowdefinition flowtest
    globalvalueset globalvaluesettranslation group homepagecomponent homepagelayout installedpackage keywords labels
    layout leadconvertsettings lightningbolt livechatagentconfig livechatbutton livechatdeployment managedtopics
    matchingrule milestonetype mutingpermissionset namedcredential network networkbranding notificationtypeconfig
    oauthcustomscope object objecttranslation pathassistant permissionset permissionsetgroup platformeventchannel
    platformeventchannelmember portal posttemplate presencedeclinereason presenceuserconfig profile
    profilepasswordpolicy profilesessionsetting prompt queue queueroutingconfig quickaction recommendationstrategy
    remotesite report reporttype restrictionrule role samlssoconfig servicechannel servicepresencestatus settings
    sharingrules sharingset site skill standardvalueset standardvaluesettranslation synonymdictionary tab territory
    territory2 territory2model territory2rule territory2type topicsforobjects translation transactionsecuritypolicy
    weblink workflow
    """.split()  # noqa: SIM905 - a list of a hundred quoted words would be harder to read
)
"""The ends of names, in lower case, of files that hold one component each in metadata format."""

__all__ = ["ATTRIBUTES", "EVERYWHERE", "KEYS", "UNKEYED", "Alternatives"]
