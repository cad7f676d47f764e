#include "claim.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int is_truth;
    int truth;
    double number;
} Value;

typedef enum {
    TOKEN_END,
    TOKEN_NUMBER,
    TOKEN_NAME,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL,
    TOKEN_SIGN /* one of + - * / ( ) */
} TokenKind;

typedef struct {
    TokenKind kind;
    const char *start;
    size_t length;
    double number;
} Token;

typedef struct {
    const Sources *sources;
    const char *text, *at;
    Token token;
    ClaimVerdict *verdict;
    int depth;
} Parser;

enum {
    DEPTH_MAX = 200
}; /* of nested parentheses: a recursion that a typing error cannot blow up */

static Status wrong(Parser *parser, const char *at, const char *expected) {
    parser->verdict->offset = (size_t)(at - parser->text);
    size_t length = strcspn(at, " \t\r\n");
    if (length > 40) length = 40;
    if (length == 0) return status_fail(STATUS_FORMAT, "expected %s, found the end", expected);
    return status_fail(STATUS_FORMAT, "expected %s, found '%.*s'", expected, (int)length, at);
}

static int is_name_character(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

static TokenKind word_kind(const char *start, size_t length) {
    if (length == 3 && strncmp(start, "and", 3) == 0) return TOKEN_AND;
    if (length == 2 && strncmp(start, "or", 2) == 0) return TOKEN_OR;
    if (length == 3 && strncmp(start, "not", 3) == 0) return TOKEN_NOT;
    return TOKEN_NAME;
}

static Status next(Parser *parser) {
    const char *at = parser->at;
    while (isspace((unsigned char)*at)) at++;
    Token *token = &parser->token;
    *token = (Token){.start = at, .length = 1};
    if (!*at) {
        token->kind = TOKEN_END;
        token->length = 0;
    } else if (isdigit((unsigned char)*at) || (*at == '.' && isdigit((unsigned char)at[1]))) {
        char *end;
        token->kind = TOKEN_NUMBER;
        token->number = strtod(at, &end);
        token->length = (size_t)(end - at);
        if (is_name_character(*end)) return wrong(parser, at, "a number or the name of a fact");
    } else if (isalpha((unsigned char)*at)) {
        size_t length = 1;
        while (is_name_character(at[length])) length++; /* '-' is a minus, never part of a name */
        token->kind = word_kind(at, length);
        if (token->kind == TOKEN_NAME && at[length] == ':')
            while (is_name_character(at[length]) || at[length] == ':') length++;
        token->length = length;
    } else if (*at == '<' || *at == '>') {
        int equal = at[1] == '=';
        token->length = equal ? 2 : 1;
        token->kind = *at == '<' ? (equal ? TOKEN_LESS_EQUAL : TOKEN_LESS)
                                 : (equal ? TOKEN_GREATER_EQUAL : TOKEN_GREATER);
    } else if (strchr("+-*/()", *at)) {
        token->kind = TOKEN_SIGN;
    } else {
        return wrong(parser, at, "a number, a name, an operator or a parenthesis");
    }
    parser->at = at + token->length;
    return STATUS_OK;
}

static int sees(const Parser *parser, char sign) {
    return parser->token.kind == TOKEN_SIGN && *parser->token.start == sign;
}

static Status need_number(Parser *parser, const char *at, const Value *value) {
    if (!value->is_truth) return STATUS_OK;
    return wrong(parser, at, "a number, not a comparison,");
}

static Status need_truth(Parser *parser, const char *at, const Value *value) {
    if (value->is_truth) return STATUS_OK;
    return wrong(parser, at, "a comparison (such as a < b), not a number,");
}

static Status parse_or(Parser *parser, Value *out);

static Status parse_name(Parser *parser, Value *out) {
    char name[256];
    const Token token = parser->token;
    if (token.length >= sizeof name) return wrong(parser, token.start, "a shorter name");
    memcpy(name, token.start, token.length);
    name[token.length] = 0;
    char *part = strchr(name, ':');
    if (part) *part++ = 0;
    if (part && strcmp(part, "low") && strcmp(part, "high"))
        return wrong(parser, token.start + (part - name) - 1, "':low' or ':high'");
    const Fact *fact = sources_fact(parser->sources, name);
    *out = (Value){0};
    if (fact)
        out->number = !part ? fact->value : strcmp(part, "low") == 0 ? fact->low : fact->high;
    else if (parser->verdict->kind != CLAIM_MISSING) {
        parser->verdict->kind = CLAIM_MISSING;
        snprintf(parser->verdict->missing, sizeof parser->verdict->missing, "%s", name);
    }
    return next(parser);
}

static Status parse_factor(Parser *parser, Value *out) {
    const char *start = parser->token.start;
    if (++parser->depth > DEPTH_MAX) return wrong(parser, start, "less nesting");
    Status status = STATUS_OK;
    if (parser->token.kind == TOKEN_NUMBER) {
        *out = (Value){.number = parser->token.number};
        status = next(parser);
    } else if (parser->token.kind == TOKEN_NAME) {
        status = parse_name(parser, out);
    } else if (sees(parser, '-')) {
        STATUS_TRY(next(parser));
        const char *operand = parser->token.start;
        STATUS_TRY(parse_factor(parser, out));
        STATUS_TRY(need_number(parser, operand, out));
        out->number = -out->number;
    } else if (sees(parser, '(')) {
        STATUS_TRY(next(parser));
        STATUS_TRY(parse_or(parser, out));
        if (!sees(parser, ')')) return wrong(parser, parser->token.start, "')'");
        status = next(parser);
    } else {
        status = wrong(parser, start, "a number, the name of a fact or '('");
    }
    parser->depth--;
    return status;
}

static Status parse_product(Parser *parser, Value *out) {
    const char *start = parser->token.start;
    STATUS_TRY(parse_factor(parser, out));
    while (sees(parser, '*') || sees(parser, '/')) {
        int divide = sees(parser, '/');
        Value right;
        STATUS_TRY(need_number(parser, start, out));
        STATUS_TRY(next(parser));
        start = parser->token.start;
        STATUS_TRY(parse_factor(parser, &right));
        STATUS_TRY(need_number(parser, start, &right));
        out->number = divide ? out->number / right.number : out->number * right.number;
    }
    return STATUS_OK;
}

static Status parse_sum(Parser *parser, Value *out) {
    const char *start = parser->token.start;
    STATUS_TRY(parse_product(parser, out));
    while (sees(parser, '+') || sees(parser, '-')) {
        int minus = sees(parser, '-');
        Value right;
        STATUS_TRY(need_number(parser, start, out));
        STATUS_TRY(next(parser));
        start = parser->token.start;
        STATUS_TRY(parse_product(parser, &right));
        STATUS_TRY(need_number(parser, start, &right));
        out->number = minus ? out->number - right.number : out->number + right.number;
    }
    return STATUS_OK;
}

static int compare(TokenKind kind, double a, double b) {
    switch (kind) {
    case TOKEN_LESS:
        return a < b;
    case TOKEN_LESS_EQUAL:
        return a <= b;
    case TOKEN_GREATER:
        return a > b;
    default:
        return a >= b;
    }
}

static Status parse_comparison(Parser *parser, Value *out) {
    const char *start = parser->token.start;
    Value left;
    STATUS_TRY(parse_sum(parser, &left));
    *out = left;
    int truth = 1;
    while (parser->token.kind >= TOKEN_LESS && parser->token.kind <= TOKEN_GREATER_EQUAL) {
        TokenKind kind = parser->token.kind;
        Value right;
        STATUS_TRY(need_number(parser, start, &left));
        STATUS_TRY(next(parser));
        start = parser->token.start;
        STATUS_TRY(parse_sum(parser, &right));
        STATUS_TRY(need_number(parser, start, &right));
        truth = truth && compare(kind, left.number, right.number);
        *out = (Value){.is_truth = 1, .truth = truth};
        left = right;
    }
    return STATUS_OK;
}

static Status parse_not(Parser *parser, Value *out) {
    if (parser->token.kind != TOKEN_NOT) return parse_comparison(parser, out);
    if (++parser->depth > DEPTH_MAX) return wrong(parser, parser->token.start, "less nesting");
    STATUS_TRY(next(parser));
    const char *start = parser->token.start;
    STATUS_TRY(parse_not(parser, out));
    STATUS_TRY(need_truth(parser, start, out));
    out->truth = !out->truth;
    parser->depth--;
    return STATUS_OK;
}

static Status parse_and(Parser *parser, Value *out) {
    const char *start = parser->token.start;
    STATUS_TRY(parse_not(parser, out));
    while (parser->token.kind == TOKEN_AND) {
        Value right;
        STATUS_TRY(need_truth(parser, start, out));
        STATUS_TRY(next(parser));
        start = parser->token.start;
        STATUS_TRY(parse_not(parser, &right));
        STATUS_TRY(need_truth(parser, start, &right));
        out->truth = out->truth && right.truth;
    }
    return STATUS_OK;
}

static Status parse_or(Parser *parser, Value *out) {
    const char *start = parser->token.start;
    STATUS_TRY(parse_and(parser, out));
    while (parser->token.kind == TOKEN_OR) {
        Value right;
        STATUS_TRY(need_truth(parser, start, out));
        STATUS_TRY(next(parser));
        start = parser->token.start;
        STATUS_TRY(parse_and(parser, &right));
        STATUS_TRY(need_truth(parser, start, &right));
        out->truth = out->truth || right.truth;
    }
    return STATUS_OK;
}

Status claim_evaluate(const Sources *sources, const char *predicate, ClaimVerdict *out) {
    *out = (ClaimVerdict){.kind = CLAIM_FAILS};
    Parser parser = {.sources = sources, .text = predicate, .at = predicate, .verdict = out};
    STATUS_TRY(next(&parser));
    const char *start = parser.token.start;
    Value value;
    STATUS_TRY(parse_or(&parser, &value));
    if (parser.token.kind != TOKEN_END)
        return wrong(&parser, parser.token.start, "an operator or the end");
    STATUS_TRY(need_truth(&parser, start, &value));
    if (out->kind != CLAIM_MISSING) out->kind = value.truth ? CLAIM_HOLDS : CLAIM_FAILS;
    return STATUS_OK;
}
