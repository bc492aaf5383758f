"""How names of places are shortened, joined and bent; and words that are often no name.

All words are folded (`fold_words.fold`). The tables are short on purpose: what is telling in a city
is seen in its own names and posts.
"""

from __future__ import annotations

from collections import defaultdict

from geoflood.places.fold_words import fold

__all__ = [
    "ABBREVIATIONS",
    "ABSTRACT",
    "BENT_ENDINGS",
    "BETWEEN",
    "BLOCK_WORDS",
    "CUES",
    "ENDINGS",
    "EVERYDAY",
    "NOT_A_STREET_NUMBER",
    "NO_TOWNS",
    "OF_CROSSINGS",
    "PARTICLES",
    "TITLES",
    "TYPES",
    "WHERE",
]


def _words(text: str) -> list[str]:
    return text.split()


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _table(text: str) -> dict[str, tuple[str, ...]]:
    """ "st: street saint" -> what each word may stand for."""
    rows = (line.split(":") for line in text.strip().splitlines())
    return {word.strip(): tuple(full.split()) for word, full in rows}


def _endings(text: str) -> dict[str, tuple[str, ...]]:
    """ "katu: kadulla kadun" a line -> the words that each bent form may stand for."""
    words: defaultdict[str, list[str]] = defaultdict(list)
    for word, _, forms in (line.partition(":") for line in text.strip().splitlines()):
        for bent in forms.split():
            words[bent].append(word.strip())
    return {bent: tuple(meant) for bent, meant in words.items()}


ABBREVIATIONS = _table(
    """
    st: street saint straat
    str: street strasse straat strada
    av: avenue avenida
    ave: avenue
    aven: avenue
    avda: avenida
    avd: avenida
    rd: road
    dr: drive doctor doktor
    ln: lane
    la: lane
    ct: court
    crt: court
    cl: close calle
    cres: crescent
    crst: crescent
    pl: place platz plaza plac plein
    plz: platz plaza
    sq: square
    ter: terrace
    terr: terrace
    pkwy: parkway
    pky: parkway
    hwy: highway
    fwy: freeway
    blvd: boulevard
    boul: boulevard
    bd: boulevard
    bvd: boulevard
    bld: boulevard
    br: bridge
    brg: bridge
    hts: heights
    ht: heights
    mt: mount
    mtn: mountain
    ft: fort
    gdns: gardens
    gdn: garden
    grn: green
    gro: grove
    hosp: hospital
    hs: high
    univ: university
    ctr: center centre
    stn: station
    jct: junction
    n: north
    s: south san santo
    e: east
    w: west
    no: north
    so: south
    ne: northeast
    nw: northwest
    se: southeast
    sw: southwest
    nth: north
    sth: south
    ste: sainte
    sta: santa
    sto: santo
    fr: friedrich
    c: calle
    ca: calle
    ctra: carretera
    crta: carretera
    pza: plaza piazza
    pso: paseo
    po: paseo
    pg: passeig
    gta: glorieta
    urb: urbanizacion
    r: rue rua
    all: allee
    imp: impasse
    fg: faubourg
    fbg: faubourg
    rte: route
    ch: chemin
    chem: chemin
    p: piazza
    pzza: piazza
    vle: viale
    v: via viale
    cso: corso
    lgo: largo
    tv: travessa
    rod: rodovia
    est: estrada
    ul: ulica улица
    al: aleja
    os: osiedle
    ул: улица
    пр: проспект
    просп: проспект
    прт: проспект
    пл: площадь
    пер: переулок
    наб: набережная
    бул: бульвар
    б: бульвар
    ш: шоссе
    вул: вулиця
    λεωφ: λεωφοροσ
    λεωφορο: λεωφοροσ
    λ: λεωφοροσ
    πλ: πλατεια
    πλατ: πλατεια
    αγ: αγιου αγιασ
    cd: caddesi
    cad: caddesi
    sk: sokak
    sok: sokak
    sokagi: sokak
    blv: bulvari boulevard
    mah: mahallesi
    gt: gate
    first: 1st
    second: 2nd
    third: 3rd
    fourth: 4th
    fifth: 5th
    sixth: 6th
    seventh: 7th
    eighth: 8th
    ninth: 9th
    tenth: 10th
    eleventh: 11th
    twelfth: 12th
    1st: first
    2nd: second
    3rd: third
    4th: fourth
    5th: fifth
    6th: sixth
    7th: seventh
    8th: eighth
    9th: ninth
    10th: tenth
    11th: eleventh
    12th: twelfth
    centre: center
    center: centre
    sankt: saint
    skt: sankt
    """
)
"""What a short word may stand for; a name that is written short is found written long, too."""

ENDINGS = _endings(
    """
    strasse: strasse strassen strase str
    gasse: gasse gassen
    weg: weg wegs
    platz: platz platzes
    allee: allee
    brucke: brucke brucken bruecke
    ring: ring
    ufer: ufer
    damm: damm
    markt: markt
    straat: straat straten str
    laan: laan
    gracht: gracht gragt grachten
    kade: kade
    plein: plein
    dijk: dijk
    singel: singel
    gatan: gatan gata gatans
    vagen: vagen vag vagens
    torget: torget torg
    granden: granden grand
    kajen: kajen
    platsen: platsen plats
    stranden: stranden
    gade: gade
    vej: vej vejen
    plads: plads
    katu: katu kadun kadulla kadulle kadulta kadussa kadusta katua kadut
    tie: tie tien tiella tielle tielta tieta
    kuja: kuja kujan kujalla kujalle kujalta
    polku: polku polun polulla
    aukio: aukio aukion aukiolla aukiolle aukiolta
    tori: tori torin torilla torille torilta toria
    ranta: ranta rannan rannassa rannalla rannalle rannasta rantaan rannalta
    silta: silta sillan sillalla sillalle sillalta siltaa
    puisto: puisto puiston puistossa puistosta puistoon
    kaari: kaari kaaren kaarella
    penger: penger penkereen
    esplanadi: esplanadi esplanadin esplanadilla esplanadille
    bulevardi: bulevardi bulevardin bulevardilla
    kaytava: kaytava kaytavan kaytavalla
    tunneli: tunneli tunnelin tunnelissa
    """
)
"""Words that grow together with the name before them, and how they bend: "Linden|straße", "Unionin|katu"."""

BENT_ENDINGS = tuple(
    (fold(old), fold(new))
    for old, _, new in (
        ending.partition(":")
        for ending in _words(
            """
            lla lle lta ssa sta n s ns iej:a ej:a y:a ой:ая ую:ая ом:ый е:а у:а ы:а
            에서 에 은 는 이 가 을 를 의 으로 까지 부터
            """
        )
    )
)
"""Endings of words in a sentence, and what stands there in the name itself: "Długiej" of "Długa"."""

TYPES = _set(
    """
    street road avenue drive lane court close crescent place square terrace parkway highway freeway
    boulevard
    bridge hill rise mews parade quay wharf yard passage pike crossing embankment
    way trail circle row walk gardens grove heights alley loop expressway speedway
    strasse gasse weg platz allee brucke ring ufer damm
    straat laan gracht kade plein dijk singel
    calle avenida plaza paseo carretera camino ronda travesia
    rue quai impasse chemin route faubourg cours
    via viale piazza corso largo vicolo strada
    rua praca travessa estrada rodovia
    ulica aleja plac osiedle rondo улица проспект площадь переулок набережная бульвар шоссе вулиця
    λεωφοροσ οδοσ πλατεια caddesi sokak bulvari شارع ميدان طريق
    gatan vagen torget granden kajen platsen stranden gade vej plads gate
    katu tie kuja polku aukio tori ranta silta penger esplanadi kaari
    路 街 道 巷 通り 大道 대로 로 길
    """
)
"""What a street is; the rest of its name is what tells it from others."""

PARTICLES = _set(
    """
    the a de del la las los el el du des di della dei da do dos das of and et y van von der den het le
    les al
    """
)
"""Words inside of names that people leave out."""

CUES = _set(
    """
    on at in along near off down outside by to around onto opposite behind under beside via across past
    from
    an am auf bei beim der die im zur zum vor
    en por junto la el los
    rue la le sur dans au aux pres devant
    op aan bij de het
    pa vid over
    στην στη στον στο οδο οδου οδοσ τη την
    на по у возле na przy w przez
    in nella sulla su
    na no em
    في
    corner intersection junction block ecke kreuzung esquina angle hoek hornet angolo γωνια skrzyzowanie
    угол
    """
)
"""Words that come before a place."""

OF_CROSSINGS = _set(
    """
    corner intersection junction crossing ecke kreuzung esquina cruce angle croisement hoek hornet
    korsningen kulmassa
    kulma angolo incrocio γωνια skrzyzowanie rog угол перекресток esquina 路口
    """
)

BETWEEN = _set(
    """
    and at x und ecke y con esquina et e en och ja i kai και и на with near och ve 和 と 与 ve
    """
)
"""Words between the two streets of a crossing; "&", "/", "@" and "-/" are too."""

BLOCK_WORDS = _set("block blk bl blok")
NOT_A_STREET_NUMBER = _set(
    """
    am pm ft feet foot m cm mm km inches hours hour h uhr people dead year years days min
    """
)
"""What a number counts when it is no house."""

TITLES = _set(
    """
    mr mrs ms miss sir dr president mayor officer uncle aunt king queen prince saint general captain
    senator judge pastor
    herr frau tante onkel opa oma bundeskanzler minister
    senor senora don dona san tio tia
    monsieur madame mme
    mevrouw meneer
    pan pani κυριοσ κυρια
    herra rouva signor signora
    """
)
"""Words that come before a person."""

WHERE = _set("in en a i w em στη στο στην in aus w из в")
"""Words that come before the name of a town."""

NO_TOWNS = _set(
    """
    january february march april may june july august september october november december god heaven
    januar februar marz mai juni juli oktober dezember not panik gefahr ruhe arbeit eile kurze zukunft
    """
)
"""Words that follow "in" with a capital, and are no town."""
ABSTRACT = ("heit", "keit", "ung")
"""Endings of German nouns that are no town: "in Sicherheit"."""

EVERYDAY = _set(
    """
    help church park school water river street road bridge high hope home bank market station mill green
    spring
    lake creek king queen lord god main hill garden gardens field fields farm house white black red sun
    sky sunset
    sunrise monday tuesday wednesday thursday friday saturday sunday april may june august will grace
    faith joy union
    liberty freedom memorial view east west north south center centre court canal harbor port sea beach
    island rose
    second first third fourth fifth old new good great love
    police city town center live work fire storm hall post office hotel cafe bar city
    haupt garten bach markt kirche muhle post schule rathaus rosen linden ufer konig neue alte berg see
    wald
    mayor rio libertad puente horno sol mar maestro puerto norte sur
    kerk molen dorp markt gare ecole ecoles eglise pont mairie republique
    стадион мира мир rynek станция
    katu tori ranta piha kulma vuori silta puisto meri posti aika sade koti
    gata torg kyrka skola centrum hamn brunn
    """
)
"""Words of every day, in which names are written alike."""
