"""How urgently a post calls for help: words in many languages, and how deep the water is said to be.

It orders a queue, and decides nothing: a post without such words may come from the worst place of all.
"""

from __future__ import annotations

import functools
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from geoflood.places.fold_words import Word, words_of

__all__ = ["Call", "Urgency", "urgency_of"]

_TRAPPED, _RESCUE, _HURT, _HELP, _FRAIL, _ROOF = 0.7, 0.6, 0.5, 0.45, 0.25, 0.3
_ASKED, _SEEN_BY = 0.2, 0.1
"""How much a kind of call weighs, from 0 to 1; two of one kind weigh as one."""

_CALLS = {
    _TRAPPED: """
        sos | mayday | trapped | stranded | drown~ | cut off by the water | stuck in | stuck on
        swept away | atrapad~ | varad~ | ahog~ | encurralad~ | ilhad~ | presos no | preses al
        atrapat~ | afoga~ | piégé~ | coincé~ | bloqué~ | noyé~ | noyade | eingeschlossen~ | gefangen
        ertrink~ | ertrunken | intrappolat~ | bloccat~ | anneg~ | gevangen | ingesloten | verdrink~
        instängd~ | drunkn~ | fanget | innesperret | loukussa | hukku~ | uwięzi~ | tonę | tonie~
        topi się | uvězněn~ | topí se | blocați | blocate | prinși | captivi | csapdába | rekedt~
        fuldok~ | zarobljen~ | utapa~ | bloklan~ | mahsur | boğul~ | заблокирован~ | застрял~
        тонет | тонут | тонем | заблокован~ | тонуть | εγκλωβισ~ | πνίγ~ | محاصر~ | عالق~ | عالقون
        غرق~ | يغرق | محصور~ | گیر افتاد~ | گرفتار | پھنس~ | ڈوب~ | फंस~ | फँस~ | डूब~ | আটকা~
        আটকে | ডুবে | terjebak | terperangkap | terkepung | tenggelam | naipit | nalulunod | mắc kẹt
        kẹt | bị cô lập | chết đuối | ติดอยู่ | จมน้ำ | 被困 | 困在 | 溺水 | 閉じ込め | 取り残され | 溺れ | 孤立
        갇혔~ | 갇혀~ | 고립~ | 익사~ | wamekwama | tumekwama | kuzama
    """,
    _RESCUE: """
        rescue | evacuate us | save us | save me | 911 | boat needed | need a boat | helicopter
        rescat~ | auxilio | sálven~ | resgat~ | salvem | salva-nos | secours | secourir | sauvez
        sauvetage | rettet | rettung | retten | bergung | soccors~ | salvate~ | salvateci | redding
        reddings~ | rädda | räddning | redning~ | pelast~ | ratunku | ratuj~ | zachra~ | záchran~
        salvați | salvare | mentsé~ | mentés~ | spasi~ | spašav~ | kurtar~ | imdat | спаси~ | спаса~
        эвакуир~ | рятуй~ | врятуй~ | σώστε | διάσωση | انقذ~ | أنقذ~ | إنقاذ | نجات | بچاؤ | बचाओ
        बचाव | বাঁচান | উদ্ধার | selamatkan | evakuasi | sagip | saklolo | iligtas | cứu | giải cứu
        ช่วยชีวิต | กู้ภัย | 救命 | 救援 | 营救 | 救助 | 助けて | 구조~ | 살려~ | okoa | uokoaji
    """,
    _HURT: """
        injured | bleeding | unconscious | hypothermia | dying | insulin | oxygen | dialysis
        collapsed | herid~ | sangra~ | inconsciente | ferid~ | blessé~ | verletz~ | bewusstlos~
        ferit~ | gewond~ | skadad~ | skadet | loukkaant~ | ranny | ranni | ranna | zraněn~ | rănit~
        sérült~ | ozlijeđen~ | povrijeđen~ | yaralı~ | ранен~ | пострадавш~ | поранен~ | τραυματ~
        جريح | جرحى | مصاب | زخمی | घायल | আহত | terluka | luka parah | sugatan | bị thương
        บาดเจ็บ | 受伤 | 受傷 | 怪我 | 부상~ | majeruhi
    """,
    _HELP: """
        help us | help me | please help | need help | needs help | send help | help needed | urgent~
        emergency | ayud~ | socorro | urgente | emergencia | ajud~ | emergência | aidez | au secours
        à l'aide | hilfe | helft | notfall | dringend | aiuto | aiutateci | emergenza | hulp
        help ons | noodgeval | hjälp | hjelp | hjælp | apua | hätä~ | pomocy | pomóż~ | pomoc~
        ajutor | ajutați | segítség~ | segíts~ | upomoć | yardım~ | acil | помогите | помощь
        срочно | допоможіть | допомога | терміново | βοήθεια | βοηθήστε | ساعد~ | النجدة | نجدة
        عاجل | کمک | فوری | مدد | मदद | सहायता | সাহায্য | জরুরি | tolong | bantu~ | darurat
        tulong | emerhensiya | giúp | cấp cứu | khẩn cấp | ช่วยด้วย | ช่วย | ด่วน | 求助 | 求救 | 帮帮
        幫幫 | 紧急 | 緊急 | 助け | 도와~ | 긴급~ | msaada | saidia | dharura
    """,
    _FRAIL: """
        children | child | baby | babies | infant~ | toddler~ | kids | elderly | grandmother
        grandma | grandfather | wheelchair | disabled | pregnant | hospital | niñ~ | bebé~ | ancian~
        abuel~ | embarazad~ | criança~ | idos~ | grávida | avó | enfant~ | bébé~ | âgée~
        grand-mère | enceinte | kinder | säugling~ | oma | opa | rollstuhl | schwanger~ | bambin~
        neonat~ | anzian~ | nonn~ | incinta | kinderen | bejaard~ | zwanger | barnen | barna | äldre
        gravid | lapsi | lapset | lapsia | dzieck~ | dzieci | dítě | děti | copil | copii | bătrân~
        gyerek~ | idős~ | djec~ | çocuk~ | bebek~ | yaşlı~ | hamile | ребен~ | дети | детей | детьми
        пожил~ | бабушк~ | дитин~ | діти | дітей | παιδι~ | ηλικιωμέν~ | أطفال | طفل | رضيع | حامل
        کودک | بچے | بچوں | बच्च~ | बुज़ुर्ग | শিশু | বাচ্চা | anak | bayi | lansia | bata | matanda
        trẻ em | em bé | người già | เด็ก | คนชรา | 孩子 | 儿童 | 婴儿 | 老人 | 孕妇 | 子供 | 赤ちゃん | 高齢者
        아이~ | 노인~ | watoto
    """,
    _ROOF: """
        rooftop | on the roof | on our roof | second floor | attic | azotea | en el techo | telhado
        sur le toit | toits | auf dem dach | dachboden | sul tetto | op het dak | på taket | katolla
        na dachu | na střeše | pe acoperiș | háztetőn | na krovu | çatıda | çatısında | на крыше
        на даху | στη στέγη | على السطح | سطح المنزل | छत पर | ছাদে | di atap | sa bubong | trên mái
        nóc nhà | บนหลังคา | 屋顶 | 屋頂 | 屋根 | 지붕~
    """,
    _ASKED: "help | aide",
}
"""By weight; "~" stands for any ending."""

_NOT = """
    no not nobody none never without dont didnt isnt nadie sin ningun nunca nao ninguem sem
    nenhum pas personne aucun sans kein keine nicht niemand non nessuno geen niet ingen inte
    ikke ei nie nikt nikdo nimeni nem nitko nije не нет никто ні ніхто δεν لا
"""
_NEAR = 2
"""Words before a call in which a "not" takes it back."""

_SEEN = "people | person | persons | man | men | woman | women"
"""What a model calls those whom it sees in a photo."""

_WATER = """
    water waters deep depth flood flooded flooding agua aguas profundidad fondo inundacion
    alagamento eau eaux profondeur wasser tief hochwasser acqua acque profondita diep vatten
    djup vann dypt vetta wody woda glebokosc voda vody apa adanc viz mely derinlik derin вода
    воды глубина води глибина νερο ماء مياه पानी পানি জল banjir tubig baha nuoc maji
"""
_METRES = {
    **dict.fromkeys(
        ("m", "meter", "meters", "metre", "metres", "metro", "metros", "metri", "м", "метра"), 1.0
    ),
    **dict.fromkeys(("cm", "centimeter", "centimetre", "centimetres", "centimetros", "см"), 0.01),
    **dict.fromkeys(("ft", "foot", "feet", "pies"), 0.3048),
    **dict.fromkeys(("inch", "inches"), 0.0254),
}
_BODY = {
    0.5: "knee deep | knee high | kniehoch | hasta las rodillas | aux genoux | alle ginocchia",
    1.0: "waist deep | waist high | hüfthoch | hasta la cintura | à la taille | pela cintura | alla vita",
    1.3: "chest deep | chest high | brusthoch | hasta el pecho | poitrine | no peito | al petto",
    1.5: "neck deep | up to the neck | hasta el cuello | jusqu'au cou | no pescoço | al collo | bis zum hals",
}
_NUMBER = re.compile(r"(?<![\w.,])(\d{1,3}(?:[.,]\d{1,2})?)[\s-]?([^\W\d_]{1,12})(?!\w)")
_DEEPEST_M = 12.0
_WORST_M = 2.0
"""Water so deep says as much as a call can."""
_AROUND = 60
"""Characters around a number in which water is named, for it to be a depth."""


class Call(NamedTuple):
    """Words that call for help."""

    start: int
    """Where they stand in the text, and their end: characters."""
    end: int
    weight: float


@dataclass(frozen=True, slots=True)
class Urgency:
    """What a text says of how soon someone must come."""

    share: float
    """From 0, nothing said, towards 1."""
    calls: tuple[Call, ...]
    """In the order of the text; none overlaps another."""
    depth_m: float | None = None
    """The deepest water that is told."""


class _Phrase(NamedTuple):
    words: tuple[str, ...]
    open: bool
    """The last word may have any ending."""
    weight: float


@functools.lru_cache(maxsize=256)
def urgency_of(text: str, seen: bool = False) -> Urgency:
    """How urgently a text calls for help. `seen`: a model tells what a photo shows, people among it."""
    words = list(words_of(text))
    calls = [*_calls(words, seen)]
    depths = [*_depths(text), *_body_depths(words)]
    deepest = max((metres for _, metres in depths), default=None)
    by_kind = {call.weight for call in calls}
    if deepest is not None:
        calls += [call for call, _ in depths]
    left = math.prod(1.0 - weight for weight in by_kind)
    left *= 1.0 - 0.6 * min(1.0, (deepest or 0.0) / _WORST_M)
    return Urgency(1.0 - left, tuple(_apart(calls)), deepest)


def _calls(words: Sequence[Word], seen: bool) -> Iterator[Call]:
    for at in range(len(words)):
        if not any(word.folded in _folded(_NOT) for word in words[max(0, at - _NEAR) : at]):
            for phrase in _beginning(_phrases(seen), words[at].folded):
                if _fits(phrase, words[at : at + len(phrase.words)]):
                    yield Call(words[at].start, words[at + len(phrase.words) - 1].end, phrase.weight)


def _fits(phrase: _Phrase, words: Sequence[Word]) -> bool:
    if len(words) < len(phrase.words):
        return False
    *first, last = (word.folded for word in words)
    ends = last.startswith(phrase.words[-1]) if phrase.open else last == phrase.words[-1]
    return ends and tuple(first) == phrase.words[:-1]


def _beginning(phrases: dict[str, list[_Phrase]], word: str) -> Iterator[_Phrase]:
    """The phrases that a word may begin."""
    for end in range(1, len(word) + 1):
        yield from phrases.get(word[:end], ())


def _apart(calls: Sequence[Call]) -> Iterator[Call]:
    """The heaviest of those that overlap, the longest of equal ones; in the order of the text."""
    kept: list[Call] = []
    for call in sorted(calls, key=lambda one: (-one.weight, one.start - one.end, one.start)):
        if all(call.end <= other.start or other.end <= call.start for other in kept):
            kept.append(call)
    return iter(sorted(kept))


def _depths(text: str) -> Iterator[tuple[Call, float]]:
    """Depths told as a number with its unit, near a word for water."""
    for found in _NUMBER.finditer(text):
        metres = _METRES.get(found[2].casefold(), 0.0) * float(found[1].replace(",", "."))
        around = text[max(0, found.start() - _AROUND) : found.end() + _AROUND]
        if 0.0 < metres <= _DEEPEST_M and any(word.folded in _folded(_WATER) for word in words_of(around)):
            yield Call(found.start(), found.end(), 0.0), metres


def _body_depths(words: Sequence[Word]) -> Iterator[tuple[Call, float]]:
    """Depths told by a body: "waist deep"."""
    for at in range(len(words)):
        for phrase in _beginning(_body_phrases(), words[at].folded):
            if _fits(phrase, words[at : at + len(phrase.words)]):
                yield Call(words[at].start, words[at + len(phrase.words) - 1].end, 0.0), phrase.weight


@functools.cache
def _phrases(seen: bool) -> dict[str, list[_Phrase]]:
    return _table(_CALLS | ({_SEEN_BY: _SEEN} if seen else {}))


@functools.cache
def _body_phrases() -> dict[str, list[_Phrase]]:
    return _table(_BODY)


@functools.cache
def _folded(words: str) -> frozenset[str]:
    return frozenset(word.folded for word in words_of(words))


def _table(told: dict[float, str]) -> dict[str, list[_Phrase]]:
    """Phrases by their first word; each as it is read in a text, so that scripts are cut alike."""
    phrases: defaultdict[str, list[_Phrase]] = defaultdict(list)
    for weight, lines in told.items():
        for words in re.split(r"[|\n]", lines):
            folded = tuple(word.folded for word in words_of(words.replace("~", "")))
            if folded:
                phrase = _Phrase(folded, words.strip().endswith("~"), weight)
                phrases[folded[0]].append(phrase)
    return dict(phrases)
