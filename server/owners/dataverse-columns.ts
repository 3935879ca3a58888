import type { EntitySet } from './dataverse-file'

/** A column that Mailwarden has nothing for. */
export interface Unmapped {
  /** Values that say nothing: who left them as they were loses nothing. Absent and null are always among them. */
  defaults: readonly unknown[]
  /** What is done instead, as the end of a sentence. */
  instead: string
}

const unmapped = (instead: string, ...defaults: unknown[]): Unmapped => ({ defaults, instead })

const TEST_ANEW = 'not taken over: a Test & Enable here establishes it'
const ENTER_PASSWORD = 'passwords do not leave Dynamics 365: enter it here'
const CONSENT_ANEW = 'consent has to be given again'
const NO_IMPERSONATION = 'there is no impersonation: each mailbox signs in by itself'
const STATUS = unmapped(TEST_ANEW, 0)
const SWITCH = unmapped('off until a Test & Enable here succeeds, as of every imported mailbox', true)
const BY_PASSWORD = unmapped('not taken over: a name and a password are shown over a secured connection', 0, 3)

/** Columns without counterpart, with what they are when nobody touched them (reference: Dataverse tables mailbox, emailserverprofile). */
export const UNMAPPED: Record<EntitySet, Readonly<Record<string, Unmapped>>> = {
  mailboxes: {
    isserviceaccount: unmapped('imported as any other mailbox', false),
    incomingemailstatus: STATUS,
    outgoingemailstatus: STATUS,
    actstatus: STATUS,
    acsoutgoingemailstatus: STATUS,
    mailboxstatus: STATUS,
    enabledforincomingemail: SWITCH,
    enabledforoutgoingemail: SWITCH,
    enabledforact: SWITCH,
    testemailconfigurationscheduled: unmapped('no test is started: run Test & Enable', false),
    ispasswordset: unmapped(ENTER_PASSWORD, false),
    isoauthaccesstokenset: unmapped(CONSENT_ANEW, false),
    isoauthrefreshtokenset: unmapped(CONSENT_ANEW, false),
    processemailreceivedafter: unmapped('not taken over: mail is processed from the first connection on'),
    orgmarkedasprimaryforexchangesync: unmapped('not taken over: nothing is written into the Exchange mailbox', false),
    isactsyncorgflagset: unmapped('not taken over: nothing is written into the Exchange mailbox', false),
    ewsurl: unmapped('not taken over: the profile says where the server is', ''),
    undeliverablefolder: unmapped('not taken over: mail is not moved into folders', ''),
    verboseloggingenabled: unmapped('not taken over: every test keeps its steps', 0),
    officeappsdeploymentstatus: unmapped('not taken over: there is no add-in for Outlook', 0),
    officeappsdeploymentscheduled: unmapped('not taken over: there is no add-in for Outlook', false),
    officeappsdeploymentcomplete: unmapped('not taken over: there is no add-in for Outlook', false),
    exchangecontactsimportstatus: unmapped('not taken over: contacts are not imported', 0),
  },
  emailserverprofiles: {
    description: unmapped('not taken over', ''),
    owneremailaddress: unmapped('alerts go to the owner of the profile, at its own address', ''),
    incomingauthenticationprotocol: BY_PASSWORD,
    outgoingauthenticationprotocol: BY_PASSWORD,
    incominguseimpersonation: unmapped(NO_IMPERSONATION, false),
    outgoinguseimpersonation: unmapped(NO_IMPERSONATION, false),
    outgoingautograntdelegateaccess: unmapped('not taken over: grant the access in Exchange', false),
    isincomingpasswordset: unmapped(ENTER_PASSWORD, false),
    isoutgoingpasswordset: unmapped(ENTER_PASSWORD, false),
    oauthclientid: unmapped('enter it with the credentials', ''),
    isoauthclientsecretset: unmapped('secrets do not leave Dynamics 365: enter it here', false),
    exchangeonlinetenantid: unmapped('enter it with the credentials', ''),
    usedefaulttenantid: unmapped('enter the tenant with the credentials', true),
    aadresourceid: unmapped('not taken over', ''),
    _keyvaultreferenceid_value: unmapped('key vaults are not read: enter the secret here'),
    keyvaultreferenceid: unmapped('key vaults are not read: enter the secret here'),
    _managedidentityid_value: unmapped('managed identities are not used: enter credentials here'),
    managedidentityid: unmapped('managed identities are not used: enter credentials here'),
    processemailsreceivedafter: unmapped('not taken over: mail is processed from the first connection on'),
    minpollingintervalinminutes: unmapped('not taken over: servers are watched, and polled where they cannot be', 0),
    timeoutmailboxconnection: unmapped('connections always have a time limit', true),
    timeoutmailboxconnectionafteramount: unmapped('time limits are those of the service', 0, 100_000),
    moveundeliveredemails: unmapped('not taken over: mail is not moved into folders', false),
    sendemailalert: unmapped('the settings of the organisation say when the owner of a profile is mailed', false),
    encodingcodepage: unmapped('messages are written in UTF-8', ''),
    incomingpartnerapplication: unmapped('not taken over', 0),
    outgoingpartnerapplication: unmapped('not taken over', 0),
    defaultserverlocation: unmapped('not taken over: each direction names its server', ''),
  },
  systemusers: {},
  queues: {
    incomingemailfilteringmethod: unmapped('not taken over: which mail becomes an activity is decided later', 0),
  },
}

const SYSTEM = [
  ...['createdon', 'modifiedon', 'overriddencreatedon', 'versionnumber', 'importsequencenumber', 'statuscode'],
  ...['timezoneruleversionnumber', 'utcconversiontimezonecode', '_organizationid_value', '_owningbusinessunit_value'],
  ...['_createdby_value', '_createdonbehalfby_value', '_modifiedby_value', '_modifiedonbehalfby_value'],
  ...['_owningteam_value', '_owninguser_value', 'entityimage', 'entityimageid', 'entityimage_timestamp'],
  ...['entityimage_url', '_transactioncurrencyid_value', 'exchangerate'],
]

/** Where Dynamics 365 stood in its own work: it ends there, and is named once for all records. */
export const WORKING_STATE: Record<EntitySet, ReadonlySet<string>> = {
  mailboxes: new Set([
    ...SYSTEM,
    ...['_ownerid_value', 'testemailconfigurationretrycount', 'postponetestemailconfigurationuntil'],
    ...['testmailboxaccesscompletedon', '_testandenablelastattemptedby_value', 'testandenablelastattemptedon'],
    ...['lastautodiscoveredon', 'lastmessageid', 'lasttaggedmessageid', 'exchangesyncstatexml', 'folderhierarchy'],
    ...['processingstatecode', 'hostid', 'forcedunlockcount', 'lastmailboxforcedunlockoccurredon'],
    ...['processinglastattemptedon', 'lastsyncstartedon', 'lastsuccessfulsynccompletedon'],
    ...['postponemailboxprocessinguntil', 'receivingpostponeduntil', 'receivingpostponeduntilforact'],
    ...['postponesendinguntil', 'postponeofficeappsdeploymentuntil', 'nextscheduledactsyncinseconds'],
    ...['noemailcount', 'noactcount', 'transientfailurecount', 'lastsyncerror', 'lastsyncerrorcode'],
    ...['lastsyncerrorcount', 'lastsyncerrormachinename', 'lastsyncerroroccurredon', 'itemsprocessedforlastsync'],
    ...['itemsfailedforlastsync', 'processedtimes', 'lastduration', 'averagetotalduration', 'oauthtokenexpireson'],
  ]),
  emailserverprofiles: new Set([
    ...SYSTEM,
    ...['emailservertypename', 'lasttestauthorizationstatus', 'lasttestexecutionstatus', 'lasttestrequest'],
    ...['lasttestresponse', 'lasttestresponsecode', 'lasttestresponseheaders', 'lastteststarttime'],
    ...['lasttesttotalexecutiontime', 'lasttestvalidationstatus', 'lastcrmmessage', 'lastauthorizationstatus'],
  ]),
  systemusers: new Set(SYSTEM),
  queues: new Set([...SYSTEM, '_ownerid_value']),
}

/** A column of this name must not be printed, whatever it holds. */
export const isSecret = (column: string): boolean =>
  /^(incoming|outgoing)?password$|^oauth(access|refresh)token$|^oauthclientsecret$/.test(column)
