/* report: claims, the writing of numbers, TeX escaping, the choice of results, the macros and their
 * errors, code excerpts, the bibliography, TeX's log. All tables and sources below are fixtures,
 * written into a temporary folder; no number in them was measured. */
#define _GNU_SOURCE
#include "../../paper/claim.h"
#include "../../paper/log.h"
#include "../../paper/number.h"
#include "report_world.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void put_results(const char *folder, const char *date, const char *facts) {
    char name[200], content[400];
    snprintf(name, sizeof name, "results/%s/run.tsv", folder);
    snprintf(content, sizeof content, "key\tvalue\ndate\t%s\nmachine\tfixture-machine\n", date);
    report_world_put(name, content);
    snprintf(name, sizeof name, "results/%s/facts.tsv", folder);
    snprintf(content, sizeof content, "name\tvalue\tlow\thigh\tunit\n%s", facts);
    report_world_put(name, content);
}

static void put_fixture(void) {
    put_results("local/q9_fixture", "2024-03-02T10:00:00Z",
                "q9.slope\t1.98\t1.95\t2.01\t1\n"
                "q9.time\t0.2621\t0.258\t0.27\ts\n"
                "q9.bytes\t3145728\t3145728\t3145728\tbyte\n"
                "q9.peak\t2.05e11\t2e11\t2.1e11\tflop/s\n"
                "q9.cross\t12345.4\t11000\t13000\ttoken\n"
                "q9.small\t0.0000215\t0.00002\t0.000022\t1\n"
                "q9.count\t64\t64\t64\t1\n"
                "q9.negative\t-0.5\t-0.6\t-0.4\t1\n"
                "q9.share\t0.823\t0.81\t0.83\t1\n");
}

/* --- claims --------------------------------------------------------------------------------------
 */

static Sources sources;

static void open_sources(void) {
    report_world_begin();
    put_fixture();
    ck_assert_msg(sources_open(report_world_at("results"), &sources) == STATUS_OK, "%s",
                  status_message());
}

static void close_sources(void) {
    sources_close(&sources);
    report_world_end();
}

static ClaimKind verdict(const char *predicate) {
    ClaimVerdict out;
    Status status = claim_evaluate(&sources, predicate, &out);
    ck_assert_msg(status == STATUS_OK, "%s: %s", predicate, status_message());
    return out.kind;
}

START_TEST(claims_follow_arithmetic_and_logic) {
    static const struct {
        const char *predicate;
        ClaimKind kind;
    } cases[] = {
        {"q9.slope > 1.9", CLAIM_HOLDS},
        {"q9.slope > 1.99", CLAIM_FAILS},
        {"q9.slope:low > 1.9 and q9.slope:high < 2.1", CLAIM_HOLDS},
        {"q9.slope:low > 1.96", CLAIM_FAILS},
        {"1.9 < q9.slope < 2", CLAIM_HOLDS},
        {"1.9 < q9.slope < 1.95", CLAIM_FAILS},
        {"2 + 3 * 4 <= 14 and 2 + 3 * 4 >= 14", CLAIM_HOLDS},
        {"(2 + 3) * 4 <= 14", CLAIM_FAILS},
        {"8 / 4 / 2 < 1.5", CLAIM_HOLDS},
        {"10 - 4 - 3 < 4", CLAIM_HOLDS},
        {"-q9.negative > .4", CLAIM_HOLDS},
        {"q9.slope-q9.share < 1.2", CLAIM_HOLDS}, /* '-' is a minus, never part of a name */
        {"1 < 2 or 1 / 0 < 0 and 2 < 1", CLAIM_HOLDS},
        {"(1 < 2 or 1 < 3) and 2 < 1", CLAIM_FAILS},
        {"not 1 < 2", CLAIM_FAILS},
        {"not (1 < 2 and 2 < 1)", CLAIM_HOLDS},
        {"q9.time < 262.2e-3", CLAIM_HOLDS},
        {"  q9.count\n  >= 64 ", CLAIM_HOLDS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(verdict(cases[i].predicate) == cases[i].kind, "%s", cases[i].predicate);
    }
}
END_TEST

START_TEST(a_missing_fact_establishes_nothing) {
    ClaimVerdict out;
    ck_assert_int_eq(claim_evaluate(&sources, "1 < 2 or q9.absent > 1", &out), STATUS_OK);
    ck_assert_int_eq(out.kind, CLAIM_MISSING);
    ck_assert_str_eq(out.missing, "q9.absent");
    ck_assert_int_eq(claim_evaluate(&sources, "not q9.absent:low > 1", &out), STATUS_OK);
    ck_assert_int_eq(out.kind, CLAIM_MISSING);
}
END_TEST

START_TEST(a_wrong_predicate_says_where) {
    static const struct {
        const char *predicate;
        size_t offset;
    } cases[] = {
        {"", 0},
        {"q9.slope", 0},              /* a number is no claim */
        {"q9.slope >", 10},           /* nothing to compare with */
        {"q9.slope = 2", 9},          /* no such operator */
        {"q9.slope > 1 q9.time", 13}, /* two claims, nothing between */
        {"(q9.slope > 1", 13},        /* never closed */
        {"q9.slope > 1)", 12},        /* never opened */
        {"q9.slope:middle > 1", 8},   /* only low and high */
        {"q9.slope and 1 < 2", 0},    /* a number is no truth */
        {"1 < 2 and 3", 10},          /* nor here */
        {"(1 < 2) + 1 < 3", 0},       /* a truth is no number */
        {"1 + (1 < 2) < 3", 4},       /* nor here */
        {"not 3", 4},
        {"1 < 2x", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ClaimVerdict out;
        Status status = claim_evaluate(&sources, cases[i].predicate, &out);
        ck_assert_msg(status == STATUS_FORMAT, "'%s' was accepted", cases[i].predicate);
        ck_assert_msg(out.offset == cases[i].offset, "'%s': offset %zu, expected %zu (%s)",
                      cases[i].predicate, out.offset, cases[i].offset, status_message());
        ck_assert_ptr_nonnull(strstr(status_message(), "expected"));
    }
}
END_TEST

START_TEST(deep_nesting_is_refused_not_a_crash) {
    Text deep = {0};
    for (int i = 0; i < 100000; i++) text_puts(&deep, "(");
    ClaimVerdict out;
    ck_assert_int_eq(claim_evaluate(&sources, text_bytes(&deep), &out), STATUS_FORMAT);
    text_free(&deep);
    for (int i = 0; i < 100000; i++) text_puts(&deep, "not ");
    ck_assert_int_eq(claim_evaluate(&sources, text_bytes(&deep), &out), STATUS_FORMAT);
    text_free(&deep);
    for (int i = 0; i < 100000; i++) text_puts(&deep, "-");
    ck_assert_int_eq(claim_evaluate(&sources, text_bytes(&deep), &out), STATUS_FORMAT);
    text_free(&deep);
}
END_TEST

/* --- numbers
 * --------------------------------------------------------------------------------------- */

static void expect_number(const char *name, NumberPart part, const char *format,
                          const char *wanted) {
    Text out = {0};
    const Fact *fact = sources_fact(&sources, name);
    ck_assert_ptr_nonnull(fact);
    ck_assert_msg(number_text(fact, part, format, &out) == STATUS_OK, "%s", status_message());
    ck_assert_str_eq(text_bytes(&out), wanted);
    text_free(&out);
}

START_TEST(numbers_take_the_unit_that_suits_them) {
    expect_number("q9.slope", NUMBER_VALUE, NULL, "1.98");
    expect_number("q9.slope", NUMBER_RANGE, NULL, "1.98 [1.95, 2.01]");
    expect_number("q9.slope", NUMBER_LOW, NULL, "1.95");
    expect_number("q9.slope", NUMBER_HIGH, NULL, "2.01");
    expect_number("q9.time", NUMBER_VALUE, NULL, "262 ms");
    expect_number("q9.time", NUMBER_RANGE, NULL, "262 [258, 270] ms");
    expect_number("q9.bytes", NUMBER_VALUE, NULL, "3.00 MiB");
    expect_number("q9.peak", NUMBER_VALUE, NULL, "205 GFLOP/s");
    expect_number("q9.cross", NUMBER_VALUE, NULL, "12,345");
    expect_number("q9.cross", NUMBER_RANGE, NULL, "12,345 [11,000, 13,000]");
    expect_number("q9.small", NUMBER_VALUE, NULL, "2.15e-05");
    expect_number("q9.count", NUMBER_VALUE, NULL, "64");
    expect_number("q9.negative", NUMBER_VALUE, NULL, "-0.500");
}
END_TEST

START_TEST(a_format_decides_digits_and_unit) {
    expect_number("q9.slope", NUMBER_VALUE, "%.1f", "2.0");
    expect_number("q9.slope", NUMBER_RANGE, "%.3f", "1.980 [1.950, 2.010]");
    expect_number("q9.time", NUMBER_VALUE, "%.2f", "0.26");
    expect_number("q9.time", NUMBER_VALUE, "%.1f ms", "262.1 ms");
    expect_number("q9.time", NUMBER_VALUE, "%.0f µs", "262,100 µs");
    expect_number("q9.share", NUMBER_VALUE, "%.0f%%", "82%");
    expect_number("q9.share", NUMBER_RANGE, "%.0f%%", "82 [81, 83]%");
    expect_number("q9.cross", NUMBER_VALUE, "%d", "12,345");
    expect_number("q9.cross", NUMBER_VALUE, "%.0f", "12,345");
    expect_number("q9.peak", NUMBER_VALUE, "%.2f TFLOP/s", "0.20 TFLOP/s"); /* .205 in binary */
    expect_number("q9.bytes", NUMBER_VALUE, "%.0f KiB", "3072 KiB");
}
END_TEST

START_TEST(a_wrong_format_is_refused) {
    static const char *const formats[] = {
        "", "2f", "%s", "%.2f%.2f", "%n", "%*d", "%.2f furlong", "%lf", "%.2f GFLOP/s", "% ", "%"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        Text out = {0};
        const Fact *fact = sources_fact(&sources, "q9.time");
        ck_assert_msg(number_text(fact, NUMBER_VALUE, formats[i], &out) == STATUS_ARGUMENT,
                      "'%s' was accepted: %s", formats[i], text_bytes(&out));
        text_free(&out);
    }
}
END_TEST

START_TEST(numbers_are_isolated_in_tex) {
    Text out = {0};
    ck_assert_int_eq(number_tex(sources_fact(&sources, "q9.time"), NUMBER_RANGE, NULL, &out),
                     STATUS_OK);
    ck_assert_str_eq(text_bytes(&out), "\\Number{262~[258,~270]~ms}");
    text_free(&out);
    number_typeset("-2.1e-05", &out);
    ck_assert_str_eq(text_bytes(&out), "\\Number{\\Minus{}2.1\\Power{-5}}");
    text_free(&out);
    number_typeset("82%", &out);
    ck_assert_str_eq(text_bytes(&out), "\\Number{82\\%}");
    text_free(&out);
}
END_TEST

START_TEST(tex_is_escaped) {
    Text out = {0};
    text_add_escaped(&out, "50% of a_b & {c} #1 $x ~ ^ \\");
    ck_assert_str_eq(text_bytes(&out), "50\\% of a\\_b \\& \\{c\\} \\#1 \\$x \\textasciitilde{} "
                                       "\\textasciicircum{} \\textbackslash{}");
    text_free(&out);
    text_add_code(&out, "q9.a_b");
    ck_assert_str_eq(text_bytes(&out), "\\Code{q9.\\allowbreak{}a\\_\\allowbreak{}b}");
    text_free(&out);
}
END_TEST

/* --- which results
 * ---------------------------------------------------------------------------------- */

START_TEST(local_results_come_before_recorded_ones) {
    put_results("recorded/one/q9_fixture", "2030-01-01T00:00:00Z", "q9.slope\t5\t5\t5\t1\n");
    sources_close(&sources);
    ck_assert_int_eq(sources_open(report_world_at("results"), &sources), STATUS_OK);
    const Source *source = sources_find(&sources, "q9_fixture");
    ck_assert_int_eq(source->local, 1);
    ck_assert_double_eq_tol(sources_fact(&sources, "q9.slope")->value, 1.98, 1e-12);
}
END_TEST

START_TEST(among_recorded_ones_the_newest_is_taken) {
    put_results("recorded/one/q8_fixture", "2024-05-01T00:00:00Z", "q8.a\t1\t1\t1\t1\n");
    put_results("recorded/two/q8_fixture", "2024-06-01T00:00:00Z", "q8.a\t2\t2\t2\t1\n");
    put_results("recorded/zzz/q8_fixture", "2023-06-01T00:00:00Z", "q8.a\t3\t3\t3\t1\n");
    put_results("local/.q8_fixture.7-0", "2031-06-01T00:00:00Z", "q8.a\t4\t4\t4\t1\n");
    sources_close(&sources);
    ck_assert_int_eq(sources_open(report_world_at("results"), &sources), STATUS_OK);
    const Source *source = sources_find(&sources, "q8_fixture");
    ck_assert_ptr_nonnull(source);
    ck_assert_int_eq(source->local, 0);
    ck_assert_str_eq(source->machine, "two");
    ck_assert_double_eq(sources_fact(&sources, "q8.a")->value, 2);
    ck_assert_int_eq(sources_cover(&sources, "q8"), 1);
    ck_assert_int_eq(sources_cover(&sources, "q7"), 0);
    ck_assert_int_eq(sources_cover(&sources, "q"), 0);
}
END_TEST

START_TEST(one_fact_in_two_experiments_is_an_error) {
    put_results("local/q9_other", "2024-03-02T10:00:00Z", "q9.slope\t1\t1\t1\t1\n");
    Sources other;
    ck_assert_int_eq(sources_open(report_world_at("results"), &other), STATUS_FORMAT);
    ck_assert_ptr_nonnull(strstr(status_message(), "q9_other/facts.tsv:2"));
    ck_assert_ptr_nonnull(strstr(status_message(), "given twice"));
}
END_TEST

/* --- the macros
 * -------------------------------------------------------------------------------------- */

static void put_sources(const char *body) {
    report_world_put("paper/en/labels.tsv", "key\ttext\nfigure.length\tIt's N\n");
    report_world_put("paper/identity.tex", "\\newcommand{\\StudentName}{A & B}\n"
                                           "\\newcommand{\\StudentNamePersian}{x}\n"
                                           "\\newcommand{\\StudentNumber}{123}\n");
    report_world_put(
        "paper/references.bib",
        "% a comment\n@article{first2020,\n  author = {Lovelace, Ada and Turing, Alan},\n"
        "  title = \"A {T}itle\",\n  journal = {J},\n  volume = 3, pages = {1--2},\n"
        "  year = 2020\n}\n");
    report_world_put("paper/en/report.tex", body);
}

/* Expands paper/en/report.tex; the problems are in `problems`, the result's status is returned. */
static Status expand(Text *out, Text *problems, const char *name) {
    Status status = report_world_expand(name, problems);
    report_world_get("build/paper/en/report.tex", out);
    return status;
}

static void expect_expansion(const char *body, const char *wanted) {
    Text out, problems = {0};
    put_sources(body);
    Status status = expand(&out, &problems, NULL);
    ck_assert_msg(status == STATUS_OK, "%s%s", status_message(), text_bytes(&problems));
    ck_assert_msg(strstr(text_bytes(&out), wanted), "no '%s' in:\n%s", wanted, text_bytes(&out));
    text_free(&out);
    text_free(&problems);
}

static void expect_problem(const char *body, const char *place, const char *words) {
    Text out, problems = {0};
    put_sources(body);
    ck_assert_int_eq(expand(&out, &problems, NULL), STATUS_FORMAT);
    const char *found = strstr(text_bytes(&problems), place);
    ck_assert_msg(found && strstr(found, words), "expected '%s' and '%s' in:\n%s", place, words,
                  text_bytes(&problems));
    text_free(&out);
    text_free(&problems);
}

START_TEST(facts_are_replaced) {
    expect_expansion("s \\fact{q9.slope}.\n", "s \\Number{1.98}.\n");
    expect_expansion("\\fact[%.0f%%]{q9.share} % of it\n", "\\Number{82\\%} % of it\n");
    expect_expansion("\\factrange{q9.time}", "\\Number{262~[258,~270]~ms}");
    expect_expansion("\\factlow{q9.slope} \\facthigh{q9.slope}", "\\Number{1.95} \\Number{2.01}");
    expect_expansion("% \\fact{q9.absent}\n\\% \\fact{q9.count}", "\\% \\Count{64}");
    expect_expansion("\\factual{x} \\\\fact{y}", "\\factual{x} \\\\fact{y}");
}
END_TEST

START_TEST(claims_keep_or_drop_their_sentence) {
    expect_expansion("\\claim{q9.slope > 1}{It is \\fact{q9.slope}.} On.",
                     "\\ClaimMark{1}It is \\Number{1.98}. On.");
    expect_expansion("\\claim{q9.slope > 3}{It is \\fact{q9.absent}.} On.",
                     "\\ClaimMark{1}\\NotEstablished{} On.");
    expect_expansion("\\claim{q9.absent > 3}{It is so.} On.", "\\NotEstablished{} On.");
    /* a format's % hides no brace */
    expect_expansion("\\claim{q9.share > 0}{\\fact[%.0f%%]{q9.share} it is} On.",
                     "\\Number{82\\%} it is On.");
    Text claims;
    report_world_get("build/paper/en/claims.tsv", &claims);
    ck_assert_ptr_nonnull(strstr(text_bytes(&claims), "\t1\tholds\t"));
    text_free(&claims);
}
END_TEST

/* Where the marker stands in the output is the line where it stands in the source. */
static void expect_same_line(const char *body) {
    Text out, problems = {0};
    put_sources(body);
    ck_assert_msg(expand(&out, &problems, NULL) == STATUS_OK, "%s", text_bytes(&problems));
    int wanted = 0, found = 0;
    for (const char *c = body; c < strstr(body, "MARK"); c++) wanted += *c == '\n';
    const char *mark = strstr(text_bytes(&out), "MARK");
    ck_assert_ptr_nonnull(mark);
    for (const char *c = text_bytes(&out); c < mark; c++) found += *c == '\n';
    ck_assert_msg(wanted == found, "line %d became %d:\n%s", wanted, found, text_bytes(&out));
    text_free(&out);
    text_free(&problems);
}

START_TEST(a_line_stays_the_same_line) {
    expect_same_line("a\n\\claim{q9.slope\n > 1 and\n1 < 2}\n{It\nis so.}\nMARK\n");
    expect_same_line("a\n\\claim{q9.slope\n > 3}{It\nis\nso.} b\nMARK\n");
    expect_same_line("\\claim{q9.slope > 1}{One\n\\fact\n{q9.slope} two\nMARK}\n");
    expect_same_line("\\cite{first2020,\nfirst2020}\n% \\claim{\nMARK\n");
}
END_TEST

START_TEST(unknown_names_are_errors_with_their_place) {
    expect_problem("a\n\nb \\fact{q9.slpe}\n", "report.tex:3: ", "nearest name is 'q9.slope'");
    expect_problem("\\fact[%.2q]{q9.slope}", "report.tex:1: ", "expected one conversion");
    expect_problem("a\n\\claim{q9.slope >\n  and}{b}",
                   "report.tex:3: ", "column 3: claim: expected");
    expect_problem("a \\claim{q9.slope = 2}{b}", "report.tex:1: ", "column 19: claim: expected");
    expect_problem("\n\\resulttable{q4_slope}{c}{tab:x}", "report.tex:2: ", "'q4_slopes'");
    expect_problem("\\resulttable{q4_slopes}{c}{tab:x}", "report.tex:1: ", "needs results of");
    expect_problem("\\resultfigure{absent}{c}{fig:x}", "report.tex:1: ", "no figure 'absent'");
    expect_problem("\n\\input{absent}", "report.tex:2: ", "there is no");
    expect_problem("a\n\\ref{sec:on}\\label{sec:one}", "report.tex:2: ", "nearest is 'sec:one'");
    expect_problem("\\label{a}\n\\label{a}", "report.tex:2: ", "already set in");
    expect_problem("\\claim{q9.slope > 1}{left open", "report.tex:1: ", "brace");
    expect_problem("\\bibliography{references}\n\\cite{frst2020}",
                   "report.tex:2: ", "nearest 'first2020'");
}
END_TEST

START_TEST(all_problems_are_listed_at_once) {
    Text out, problems = {0};
    put_sources("\\fact{q9.a}\n\\fact{q9.b}\n\\excerpt{src/no.c}{x}\n");
    ck_assert_int_eq(expand(&out, &problems, NULL), STATUS_FORMAT);
    ck_assert_ptr_nonnull(strstr(text_bytes(&problems), "report.tex:1: "));
    ck_assert_ptr_nonnull(strstr(text_bytes(&problems), "report.tex:2: "));
    ck_assert_ptr_nonnull(strstr(text_bytes(&problems), "report.tex:3: "));
    ck_assert_ptr_nonnull(strstr(status_message(), "3 problems"));
    text_free(&out);
    text_free(&problems);
}
END_TEST

START_TEST(chapters_without_results_are_left_out) {
    report_world_put("paper/en/q9.tex", "Chapter \\fact{q9.count}\n");
    expect_expansion("\\questionchapter{q9}", "\\BeginQuestion{9}\\input{");
    Text chapter;
    report_world_get("build/paper/en/q9.tex", &chapter);
    ck_assert_ptr_nonnull(strstr(text_bytes(&chapter), "Chapter \\Count{64}"));
    text_free(&chapter);
    expect_expansion("[\\questionchapter{q7}]", "[]");
}
END_TEST

START_TEST(the_student_is_escaped_and_may_be_overridden) {
    Text out, problems = {0};
    put_sources("x");
    ck_assert_int_eq(expand(&out, &problems, NULL), STATUS_OK);
    text_free(&out);
    report_world_get("build/paper/en/identity.tex", &out);
    ck_assert_ptr_nonnull(strstr(text_bytes(&out), "\\StudentName}{\\LatinWords{A \\& B}}"));
    text_free(&out);
    ck_assert_int_eq(expand(&out, &problems, "سارا"), STATUS_OK);
    text_free(&out);
    report_world_get("build/paper/en/identity.tex", &out);
    ck_assert_ptr_nonnull(strstr(text_bytes(&out), "\\StudentName}{\\PersianWords{سارا}}"));
    text_free(&out);
    text_free(&problems);
}
END_TEST

START_TEST(cited_works_are_typeset) {
    expect_expansion("\\cite{first2020}\\bibliography{references}", "bibliography.tex}");
    Text out;
    report_world_get("build/paper/en/bibliography.tex", &out);
    ck_assert_ptr_nonnull(strstr(text_bytes(&out), "\\bibitem{first2020}"));
    ck_assert_ptr_nonnull(strstr(text_bytes(&out), "Ada Lovelace and Alan Turing. A {T}itle. "
                                                   "\\emph{J} 3, pp.~1--2, 2020."));
    text_free(&out);
}
END_TEST

START_TEST(figures_are_checked_and_handed_over) {
    report_world_put("paper/figures/curve.gp", "# a figure\n# needs: q9_fixture time\nplot x\n");
    expect_problem("a\n\\resultfigure{curv}{c}{fig:x}", "report.tex:2: ", "'curve'");
    expect_problem("\\resultfigure{curve}{c}{fig:x}",
                   "report.tex:1: ", "time.tsv, which is missing");
    report_world_put("results/local/q9_fixture/time.tsv", "length\tseconds\n1\t2\n");
    expect_expansion("\\resultfigure{curve}{Of \\fact{q9.count}}{fig:x} \\ref{fig:x}",
                     "curve.pdf}{Of \\Count{64}}{fig:x}{\\BadgeHere{2024-03-02}}");
    Text out;
    report_world_get("build/figures/en/curve.in.gp", &out);
    ck_assert_ptr_nonnull(strstr(text_bytes(&out), "dir_q9_fixture = '"));
    text_free(&out);
    report_world_get("build/figures/en/labels.gp", &out);
    ck_assert_str_eq(text_bytes(&out), "L_length = 'It''s N'\n");
    text_free(&out);
    report_world_get("build/figures/en/figures.mk", &out);
    ck_assert_ptr_nonnull(strstr(text_bytes(&out), "q9_fixture/time.tsv"));
    text_free(&out);
}
END_TEST

START_TEST(labels_come_from_every_file_and_stand_once) {
    report_world_put("paper/figures/curve.gp", "# needs: q9_fixture\nplot x\n");
    report_world_put("paper/en/labels_q8.tsv", "key\ttext\nfigure.other\tB\nword.x\tX\n");
    report_world_put("paper/en/labels_q9.tsv", "key\ttext\n"); /* nothing yet */
    expect_expansion("\\resultfigure{curve}{c}{fig:x}", "curve.pdf");
    Text out;
    report_world_get("build/figures/en/labels.gp", &out);
    ck_assert_str_eq(text_bytes(&out), "L_length = 'It''s N'\nL_other = 'B'\n");
    text_free(&out);
    report_world_put("paper/en/labels_q9.tsv", "# w\nkey\ttext\nword.y\tY\nword.x\tZ\n");
    expect_problem("x", "labels_q9.tsv:4: ", "'word.x' is already in");
    expect_problem("x", "labels_q8.tsv:3", "");
    report_world_put("paper/en/labels_q9.tsv", "key\ttext\nword.y\tY\nword.y\tZ\n");
    expect_problem("x", "labels_q9.tsv:3: ", "'word.y' is already in");
}
END_TEST

/* --- code and log
 * ------------------------------------------------------------------------------------ */

START_TEST(excerpts_are_cut_and_dedented) {
    report_world_put("src/a.c",
                     "int x;\n    /* excerpt: loop */\n    for (;;) {\n\n        x++;\n    }\n"
                     "    /* end excerpt */\n/* excerpt: open */\nint y;\n");
    Text out = {0};
    int line = 0;
    ck_assert_int_eq(excerpt_find(report_world_root, "src/a.c", "loop", &out, &line), STATUS_OK);
    ck_assert_str_eq(text_bytes(&out), "for (;;) {\n\n    x++;\n}\n");
    ck_assert_int_eq(line, 3);
    text_free(&out);
    ck_assert_int_eq(excerpt_find(report_world_root, "src/a.c", "lop", &out, &line), STATUS_FORMAT);
    ck_assert_ptr_nonnull(strstr(status_message(), "nearest excerpt 'loop'"));
    ck_assert_int_eq(excerpt_find(report_world_root, "src/a.c", "open", &out, &line),
                     STATUS_FORMAT);
    ck_assert_ptr_nonnull(strstr(status_message(), "src/a.c:8"));
    ck_assert_int_eq(excerpt_find(report_world_root, "src/b.c", "loop", &out, &line), STATUS_IO);
    text_free(&out);
    put_sources("\\excerpt{Makefile}{x}");
    expect_problem("\\excerpt{Makefile}{x}", "report.tex:1: ", "expected a file in src/");
}
END_TEST

START_TEST(complaints_of_tex_are_errors) {
    report_world_put(
        "good.log",
        "==> paper/en/a.tex\nOverfull \\hbox (1.2pt too wide) in paragraph at lines 3--4\n"
        "LaTeX Font Warning: nothing of note\n<== \n");
    report_world_put("bad.log",
                     "==> paper/en/a.tex\n"
                     "Overfull \\hbox (12.3pt too wide) in paragraph at lines 31--35\n"
                     "==> paper/en/b.tex\n"
                     "LaTeX Warning: Reference `x' on page 3 undefined on input line 7.\n"
                     "Missing character: There is no \xd8\xa7 in font X!\n<== \n"
                     "LaTeX Warning: Citation `y' on page 3 undefined on input line 40.\n"
                     "LaTeX Warning: Label `z' multiply defined.\n");
    Text problems = {0};
    int count;
    ck_assert_int_eq(log_check(report_world_at("good.log"), &problems, &count), STATUS_OK);
    ck_assert_msg(count == 0, "%s", text_bytes(&problems));
    ck_assert_int_eq(log_check(report_world_at("bad.log"), &problems, &count), STATUS_OK);
    ck_assert_int_eq(count, 5);
    static const char *const wanted[] = {"paper/en/a.tex:31: Overfull", "paper/en/b.tex:7: LaTeX",
                                         "paper/en/b.tex:0: Missing", "paper/en/a.tex:40: LaTeX",
                                         "Label `z' multiply"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        ck_assert_msg(strstr(text_bytes(&problems), wanted[i]), "no '%s' in\n%s", wanted[i],
                      text_bytes(&problems));
    text_free(&problems);
    ck_assert_int_eq(log_check(report_world_at("absent.log"), &problems, &count), STATUS_IO);
}
END_TEST

Suite *suite_report(void) {
    Suite *suite = suite_create("report");
    TCase *facts = tcase_create("facts");
    tcase_add_checked_fixture(facts, open_sources, close_sources);
    tcase_add_test(facts, claims_follow_arithmetic_and_logic);
    tcase_add_test(facts, a_missing_fact_establishes_nothing);
    tcase_add_test(facts, a_wrong_predicate_says_where);
    tcase_add_test(facts, deep_nesting_is_refused_not_a_crash);
    tcase_add_test(facts, numbers_take_the_unit_that_suits_them);
    tcase_add_test(facts, a_format_decides_digits_and_unit);
    tcase_add_test(facts, a_wrong_format_is_refused);
    tcase_add_test(facts, numbers_are_isolated_in_tex);
    tcase_add_test(facts, tex_is_escaped);
    tcase_add_test(facts, local_results_come_before_recorded_ones);
    tcase_add_test(facts, among_recorded_ones_the_newest_is_taken);
    tcase_add_test(facts, one_fact_in_two_experiments_is_an_error);
    suite_add_tcase(suite, facts);
    TCase *macros = tcase_create("macros");
    tcase_add_checked_fixture(macros, open_sources, close_sources);
    tcase_add_test(macros, facts_are_replaced);
    tcase_add_test(macros, claims_keep_or_drop_their_sentence);
    tcase_add_test(macros, a_line_stays_the_same_line);
    tcase_add_test(macros, unknown_names_are_errors_with_their_place);
    tcase_add_test(macros, all_problems_are_listed_at_once);
    tcase_add_test(macros, chapters_without_results_are_left_out);
    tcase_add_test(macros, the_student_is_escaped_and_may_be_overridden);
    tcase_add_test(macros, cited_works_are_typeset);
    tcase_add_test(macros, figures_are_checked_and_handed_over);
    tcase_add_test(macros, labels_come_from_every_file_and_stand_once);
    tcase_add_test(macros, excerpts_are_cut_and_dedented);
    tcase_add_test(macros, complaints_of_tex_are_errors);
    suite_add_tcase(suite, macros);
    return suite;
}
