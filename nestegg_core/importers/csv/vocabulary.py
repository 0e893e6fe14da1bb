"""The words that banks use in headers and cells, and one way to compare them.

Within a role the words stand in order of preference: of two columns the earlier one is taken.
"""

import unicodedata
from collections.abc import Iterable
from types import MappingProxyType

_SPECIAL = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "°": "o"})


def key(text: str) -> str:
    """Make two spellings of a name equal: no case, accents, spaces or punctuation.

    Example:
        >>> key("Auftraggeber / Empfänger") == key("AUFTRAGGEBER/EMPFANGER")
        True
    """
    plain = unicodedata.normalize("NFKD", text[:200].casefold().translate(_SPECIAL))
    return "".join(c for c in plain if c.isalnum())


def _words(*groups: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for word in ",".join(groups).split(","):
        spelt_out = word.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
        found |= {key(word): None, key(spelt_out): None}
    return tuple(found)


# One line for each language where there are many: English, German, French, Spanish and
# Portuguese, Italian, Dutch, Polish, Nordic.
HEADERS = MappingProxyType(
    {
        "date": _words(
            "transaction date,trans date,trans. date,txn date,date of transaction",
            "belegdatum,kaufdatum,umsatzdatum,transaktionsdatum,date de transaction",
            "date de la transaction,fecha transacción,fecha de transacción,data transakcji",
            "transactiedatum,booking date,booking day,date,datum,buchungstag,buchungsdatum,buchung",
            "date opération,date d'opération,date de l'opération,date de comptabilisation",
            "date comptable,date operation,fecha,fecha operación,fecha de operación,f. operación",
            "fecha de la operación,fecha contable,data,data operazione,data contabile",
            "data registrazione,data movimento,data lançamento,data mov.,boekdatum,boekingsdatum",
            "data operacji,data księgowania,dato,bokføringsdato,bokföringsdag,bogføringsdato",
            "started date,completed date,created,created (utc),journal date,entry date",
            "posting date,posted date,post date,date posted,effective date,process date",
            "value date,valuta,valutadatum,wertstellung,wertstellungstag,wertstellungsdatum",
            "date de valeur,date valeur,fecha valor,f. valor,data valuta,data valor,rentedatum",
            "data waluty,value",
        ),
        "amount": _words(
            "amount,transaction amount,net amount,betrag,umsatz,buchungsbetrag,montant",
            "montant de l'opération,montant de la transaction,importe,importe operación,importo",
            "cantidad,monto,bedrag,transactiebedrag,kwota,kwota operacji,kwota transakcji,valor",
            "belopp,beløp,beløb,value,sum,summe,total,net,netto,gross,brutto",
        ),
        "debit": _words(
            "debit,debits,debit amount,amount debit,withdrawal,withdrawals,withdrawal amount",
            "paid out,money out,out,amount out,outflow,expense,spent",
            "soll,belastung,belastungen,lastschrift,ausgang,ausgabe,ausgaben,abgang",
            "débit,montant débit,débit euros,sortie,sorties,retrait,retraits,dépense,dépenses",
            "cargo,cargos,débito,débitos,debe,gasto,gastos,retiro,retiros,addebito,addebiti",
            "uscita,uscite,dare,af,uitgaven,debet,obciążenie,obciążenia,kwota obciążenia,wydatki",
            "wypłata,ut fra konto,ut",
        ),
        "credit": _words(
            "credit,credits,credit amount,amount credit,deposit,deposits,deposit amount",
            "paid in,money in,in,amount in,inflow,income,received,receipts",
            "haben,gutschrift,gutschriften,eingang,einnahme,einnahmen,zugang",
            "crédit,montant crédit,crédit euros,entrée,entrées,recette,recettes,abono,abonos",
            "crédito,créditos,haber,ingreso,ingresos,depósito,depósitos,accredito,accrediti",
            "entrata,entrate,avere,bij,inkomsten,uznanie,uznania,kwota uznania,wpływy,wpłata",
            "inn på konto,inn",
        ),
        "sign": _words(
            "debit/credit,credit/debit,credit debit,debit or credit,credit debit indicator",
            "dr/cr,cr/dr,d/c,c/d,debit credit indicator,transaction type,type,sign",
            "soll/haben,s/h,soll-/haben-kennzeichen,sollhabenkennzeichen,umsatztyp,typ,vorzeichen",
            "sens,signe,type d'opération,cargo/abono,debe/haber,signo,tipo,segno,dare/avere",
            "tipo movimento,af bij,af/bij,debet/credit,bij/af,rodzaj,typ transakcji",
            "strona,wn/ma",
        ),
        "payee": _words(
            "payee,partner name,counterparty name,counterparty,merchant name,merchant,vendor",
            "beneficiary,beneficiary name,recipient,other party,payer/payee,name",
            "auftraggeber/empfänger,auftraggeber/begünstigter,begünstigter/zahlungspflichtiger",
            "beguenstigter/zahlungspflichtiger,name zahlungsbeteiligter,zahlungsempfänger*in",
            "zahlungsempfänger,empfänger,begünstigter,gegenpartei,händler,partnername",
            "auftraggeber/empfängername,zahlungspartner,tiers,bénéficiaire,nom,commerçant",
            "beneficiario,ordenante,comercio,beneficiario/ordenante,controparte,esercente",
            "naam tegenpartij,tegenpartij,naam tegenrekening,naam/omschrijving,naam",
            "nadawca/odbiorca,odbiorca/nadawca,kontrahent,nazwa kontrahenta,dane kontrahenta",
            "odbiorca,nazwa odbiorcy,motpart,mottaker,modtager",
        ),
        # A numbered text says more than the plain one beside it (UBS: the name of the product).
        "description": _words(
            *(f"description {n},beschreibung{n},beschreibung {n}" for n in range(1, 5)),
            "description,transaction description,desc,narrative,memo,details,particulars,text",
            "transaction details,original description,additional description,additional info",
            "reason,payment reference,reference,purpose,remittance information,posting text",
            "transaction,title,verwendungszweck,zweck,buchungstext,beschreibung,bezeichnung",
            "verwendungszweck/kundenreferenz,buchungsdetails,umsatztext,vorgang/verwendungszweck",
            "buchungsinformation,info,libellé,libellé opération,libellé de l'opération",
            "libellé simplifié,communication,motif,détail,détails,informations complémentaires",
            "référence,concepto,descripción,observaciones,detalle,movimiento,referencia,descrição",
            "histórico,descrizione,descrizione operazione,causale,dettagli,operazione,omschrijving",
            "mededelingen,mededeling,betalingskenmerk,opis,opis operacji,opis transakcji,tytuł",
            "tytułem,tytuł operacji,szczegóły,szczegóły transakcji,beskrivning,beskrivelse,tekst",
            *(f"vwz{n},verwendungszweck {n}" for n in range(1, 15)),
            *(f"omschrijving-{n},libellé {n},memo {n}" for n in range(1, 5)),
        ),
        "category": _words(
            "category,kategorie,catégorie,categoría,categoria,categorie,kategoria,class",
            "hauptkategorie,main category",
        ),
        "notes": _words(
            "notes,note,comments,comment,remarks,remark,notiz,notizen,kommentar,bemerkung",
            "bemerkungen,anmerkung,remarque,remarques,commentaire,commentaires,notas,nota",
            "comentario,comentarios,opmerking,opmerkingen,notitie,notatki,notatka,uwagi,komentarz",
        ),
        "external_id": _words(
            "transaction id,fitid,unique id,transaction number,transaction no,transaktions-id",
            "transaktionsnummer,transaktions-nr.,transaktions nr.,n° de transaction",
            "numéro de transaction,id transacción,id de transacción,id transazione,transactie id",
            "transactienummer,volgnr,numer transakcji,id transakcji,identyfikator transakcji",
            "transaktionscode,id",
        ),
        "balance": _words(
            "balance,running balance,running bal,account balance,balance after,current balance",
            "saldo",
            "kontostand,saldo nach buchung,kontostand nach buchung,solde,solde comptable",
            "solde après,saldo contable,saldo contabile,saldo na boeking,saldo na mutatie",
            "saldo po operacji,saldo po transakcji,saldo końcowe,stan konta,available balance",
            "saldo disponible,saldo na trn,balans",
        ),
        "currency": _words(
            "currency,currency code,ccy,curr,account currency,währung,kontowährung,buchungswährung",
            "devise,monnaie,monn.,code devise,divisa,moneda,moeda,divisa cuenta,valuta",
            "divisa conto,munt,muntsoort,muntcode,waluta,waluta operacji",
        ),
        "account": _words(
            "account,account name,account number,account no,auftragskonto,konto,kontonummer",
            "eigene iban,iban auftragskonto,produit,compte,numéro de compte,cuenta",
            "número de cuenta,conto,numero conto,rekening,rekeningnummer,iban/bban,rachunek",
            "numer rachunku,numer konta",
        ),
        "check": _words(
            "check number,check no,check #,check,check or slip #,cheque number,cheque no,cheque",
            "num,schecknummer,scheck-nr,numéro de chèque,n° chèque,número de cheque",
            "numero assegno,chequenummer,numer czeku",
        ),
        "card": _words(
            "card used for transaction,card,card no,card number,card no.,karte,kartennummer",
            "carte,numéro de carte,tarjeta,número de tarjeta,carta,numero carta,kaart,kaartnummer",
            "karta,numer karty",
        ),
        "merchant": _words(
            "merchant,merchant name,händler,commerçant,comercio,esercente,winkel,sprzedawca"
        ),
    }
)

# What a cell says when the sign stands in a column of its own.
OUT_WORDS = frozenset(
    _words(
        "debit,dr,db,d,withdrawal,expense,out,soll,s,belastung,lastschrift,ausgang,débit",
        "sortie,débito,cargo,debe,egreso,gasto,addebito,uscita,dare,af,debet,obciążenie,wypłata",
        "wydatek,wn",
    )
)
IN_WORDS = frozenset(
    _words(
        "credit,cr,c,deposit,income,in,haben,h,gutschrift,eingang,crédit,entrée,crédito",
        "abono,haber,ingreso,accredito,entrata,avere,bij,uznanie,wpłata,wpływ,ma",
    )
)
# The first word of a line of totals.
TOTAL_WORDS = frozenset(
    _words(
        "total,totals,subtotal,sum,balance,opening balance,closing balance,ending balance",
        "beginning balance,gesamt,summe,saldo,endsaldo,anfangssaldo,schlusssaldo,kontostand",
        "totaux,solde,totale,totali,totales,totaal,eindsaldo,razem,suma",
    )
)


def says_total(cells: Iterable[str]) -> bool:
    """Tell whether the first filled cell of a row calls it a total or a balance."""
    first = next((cell.strip() for cell in cells if cell.strip()), "")
    words = first.replace(":", " ").split()[:2]
    return any(key(" ".join(words[:count])) in TOTAL_WORDS for count in range(1, len(words) + 1))
