"""Mail domains and mailbox names that tell what kind of address one is looking at.

Fact tables, no rules. A domain stands for itself and everything below it.
"""

_DISPOSABLE = """
    0-mail.com 10minutemail.com 10minutemail.net 20minutemail.com 33mail.com anonbox.net burnermail.io
    byom.de deadaddress.com discard.email discardmail.com dispostable.com dropmail.me emailondeck.com
    fakeinbox.com fakemail.net fakemailgenerator.com filzmail.com getairmail.com getnada.com grr.la
    guerrillamail.biz guerrillamail.com guerrillamail.de guerrillamail.info guerrillamail.net
    guerrillamail.org guerrillamailblock.com harakirimail.com inboxbear.com inboxkitten.com incognitomail.org
    jetable.org mail-temp.com mailcatch.com maildrop.cc mailexpire.com mailinator.com mailinator.net
    mailnesia.com mailnull.com mailpoof.com mailsac.com meltmail.com minuteinbox.com mintemail.com
    moakt.com mohmal.com mytemp.email mytrashmail.com nada.email nospam.ze.tc pokemail.net sharklasers.com
    shortmail.net sogetthis.com spam4.me spambog.com spambox.us spamex.com spamgourmet.com spamherelots.com
    temp-mail.io temp-mail.org tempail.com tempinbox.com tempmail.com tempmail.net tempmailaddress.com
    tempmailo.com tempr.email throwawaymail.com throwaway.email tmail.ws tmpmail.net tmpmail.org
    trash-mail.com trashmail.com trashmail.de trashmail.me trashmail.net trbvm.com wegwerfemail.de
    yopmail.com yopmail.fr yopmail.net zetmail.com
"""
_ROLE_NAMES = """
    abuse accounting accounts admin administrator bills billing bookings careers contact contactus
    customercare customerservice donotreply enquiries enquiry feedback finance frontdesk hello help helpdesk
    hi hostmaster hr info information inquiries inquiry invoices it jobs leads leasing legal mail
    mailerdaemon maintenance management manager marketing media news newsletter noreply notification
    notifications office operations orders payroll postmaster press privacy reception rentals reply root
    sales secretary security service services staff subscribe subscriptions support sysadmin team tech
    unsubscribe webmaster welcome
"""
_REAL_NEIGHBOURS = "gail.com mail.com email.com ymail.com amail.com fmail.com"
_COM_TYPOS = "con cim vom xom coom comm cpm clm c0m ocm cm cmo om co vcom comn coml comt ccom"
_NET_TYPOS = "ner nte met nett ent"

# Reach the person only through the portal's conversation. craigslist is unconfirmed.
PORTAL_RELAY_DOMAINS = frozenset(
    {
        "convo.zillow.com",
        "messaging.yelp.com",
        "reply.avail.co",
        "reply.craigslist.org",
        "hous.craigslist.org",
    }
)
# Forward to one person for good: useless for enrichment, fine for writing to the person.
FORWARDING_DOMAINS = frozenset({"privaterelay.appleid.com", "mozmail.com", "relay.firefox.com", "duck.com"})
DISPOSABLE_DOMAINS = frozenset(_DISPOSABLE.split())
ROLES = frozenset(_ROLE_NAMES.split())

# Label of a provider → its ending. Shorter labels resemble too many real domains to be guessed at.
OFTEN_MISTYPED = {
    "gmail": "com",
    "yahoo": "com",
    "hotmail": "com",
    "outlook": "com",
    "icloud": "com",
    "comcast": "net",
    "sbcglobal": "net",
    "bellsouth": "net",
    "verizon": "net",
}
# Here only the ending is looked at.
SHORT_PROVIDERS = {
    "aol": "com",
    "msn": "com",
    "live": "com",
    "att": "net",
    "cox": "net",
    "me": "com",
    "mac": "com",
}
ENDING_TYPOS = {**dict.fromkeys(_COM_TYPOS.split(), "com"), **dict.fromkeys(_NET_TYPOS.split(), "net")}
# Real domains one keystroke away from a provider.
NOT_TYPOS = frozenset(_REAL_NEIGHBOURS.split())
