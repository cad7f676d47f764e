#include "text/sentences_lists.h"

#include <string.h>

static const char *const abbreviations[] = {
    "صص",   "رک",   "نک",  "قس",  "شم",   "مص",  "الف", "dr", "mr",     "mrs",
    "ms",   "prof", "st",  "vol", "vols", "no",  "nos", "pp", "ed",     "eds",
    "fig",  "eq",   "vs",  "cf",  "al",   "inc", "ltd", "co", "jr",     "sr",
    "dept", "univ", "gen", "col", "capt", "rev", "mt",  "ca", "approx", NULL};

static const char *const eras[] = {"قم",  "هش", "هق", "بم", "پم", "قظ", "بظ", "ه", "م",
                                   "ش",   "ق",  "خ",  "دم", "صع", "ع",  "ص",  "س", "رض",
                                   "جاا", "قه", "هم", "am", "pm", "bc", "ad", NULL};

static const char *const referring[] = {"رک", "نک", "رش", "eg", "ie", NULL};

static const char *const starters[] = {
    "او",    "وی",   "این",      "آن",        "آنان",   "آنها",     "ایشان", "من",   "ما",
    "شما",   "اما",  "ولی",      "سپس",       "همچنین", "بنابراین", "البته", "لیکن", "زیرا",
    "اینها", "همه",  "اکنون",    "امروز",     "پس",     "آیا",      "چرا",   "اگر",  "هنگامی",
    "وقتی",  "حالا", "بعدها",    "سرانجام",   "خلاصه",  "ازاینرو",  "یعنی",  "گرچه", "هرچند",
    "اگرچه", "چون",  "متاسفانه", "خوشبختانه", NULL};

static const char *const reporting[] = {
    "گفت",     "گفتم",     "گفتی",    "گفتیم",   "گفتید",   "گفتند",    "گفته",     "گوید",
    "گویند",   "میگوید",   "میگویم",  "میگویند", "میگفت",   "میگفتند",  "میگفتم",   "میگه",
    "میگن",    "پرسید",    "پرسیدم",  "پرسیدند", "میپرسد",  "میپرسید",  "پرسیده",   "نوشت",
    "نوشتند",  "نوشته",    "مینویسد", "مینوشت",  "نویسد",   "افزود",    "میافزاید", "فرمود",
    "فرمودند", "میفرماید", "میخواند", "سرود",    "جواب",    "پاسخ",     "فریاد",    "زمزمه",
    "داد",     "خواند",    "خواندند", "نامید",   "نامیدند", "صدا",      "اظهار",    "تاکید",
    "تأکید",   "اعلام",    "بیان",    "اضافه",   "تصریح",   "خاطرنشان", "یادآور",   "توضیح",
    "ادامه",   NULL};

static const char *const attached[] = {"را",    "که", "هم",     "نیز",   "رو",  "است", "بود",
                                       "بودند", "شد", "میباشد", "میشود", "نام", NULL};

static const char *const before_letter[] = {"ویتامین", "گروه", "نوع",  "بند",   "کلاس", "حرف",
                                            "هپاتیت",  "خون",  "سری",  "بخش",   "طرح",  "حروف",
                                            "مدل",     "قطعه", "بلوک", "گزینه", "تیپ",  NULL};

static const char *const spelled[] = {"ای", "بی", "سی", "دی", "اف",   "جی",  "اچ",  "آی",
                                      "کی", "ال", "ام", "ان", "او",   "پی",  "کیو", "آر",
                                      "اس", "تی", "یو", "وی", "ایکس", "وای", "زد",  NULL};

static const char *const parts[] = {"ماده",  "بند",  "فصل",   "بخش",    "تبصره", "اصل",   "باب",
                                    "پیوست", "جدول", "شکل",   "نمودار", "گام",   "مرحله", "مورد",
                                    "نکته",  "قسمت", "شماره", "تصویر",  "درس",   NULL};

static const char *const titled[] = {"کتاب",  "فیلم",   "مقاله", "رمان",    "داستان",  "شعر",
                                     "ترانه", "برنامه", "سریال", "نمایش",   "عنوان",   "نام",
                                     "مجله",  "پرسش",   "سوال",  "سؤال",    "شعار",    "نمایشنامه",
                                     "عبارت", "جمله",   "واژه",  "روزنامه", "یادداشت", "نوشته",
                                     "آهنگ",  "مطلب",   "گزارش", NULL};

int sentence_list_has(SentenceWords list, const char *word) {
    static const char *const *const lists[] = {[SENTENCE_ABBREVIATION] = abbreviations,
                                               [SENTENCE_ERA] = eras,
                                               [SENTENCE_REFERRING] = referring,
                                               [SENTENCE_STARTER] = starters,
                                               [SENTENCE_REPORTING] = reporting,
                                               [SENTENCE_ATTACHED] = attached,
                                               [SENTENCE_BEFORE_LETTER] = before_letter,
                                               [SENTENCE_SPELLED] = spelled,
                                               [SENTENCE_PART] = parts,
                                               [SENTENCE_TITLED] = titled};
    if (!word[0]) return 0;
    /* The second byte tells most Persian words apart, whose first bytes are all alike. */
    for (const char *const *at = lists[list]; *at; at++)
        if ((*at)[1] == word[1] && (*at)[0] == word[0] && strcmp(*at, word) == 0) return 1;
    return 0;
}
