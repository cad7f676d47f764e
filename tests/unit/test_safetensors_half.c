/* safetensors_half: all 65,536 values of each format, and rounding between every two of them. */
#include "store/safetensors_half.h"

#include <check.h>
#include <math.h>
#include <stddef.h>

Suite *suite_safetensors_half(void);

START_TEST(every_half_widens_to_its_value_and_back) {
    for (uint32_t bits = 0; bits < 65536; bits++) {
        int exponent = bits >> 10 & 31, mantissa = bits & 0x3ff;
        float value = half_to_f32((uint16_t)bits);
        ck_assert_int_eq(signbit(value) != 0, bits >> 15);
        if (exponent == 31 && mantissa) {
            ck_assert(isnan(value));
            ck_assert_uint_eq(f32_to_half(value), bits | 0x200);
            continue;
        }
        double magnitude = exponent == 31 ? INFINITY
                           : exponent     ? ldexp(1024 + mantissa, exponent - 25)
                                          : ldexp(mantissa, -24);
        ck_assert(fabs((double)value) == magnitude);
        ck_assert_uint_eq(f32_to_half(value), bits);
    }
}
END_TEST

START_TEST(every_bf16_widens_to_its_value_and_back) {
    for (uint32_t bits = 0; bits < 65536; bits++) {
        int exponent = bits >> 7 & 255, mantissa = bits & 0x7f;
        float value = bf16_to_f32((uint16_t)bits);
        ck_assert_int_eq(signbit(value) != 0, bits >> 15);
        if (exponent == 255 && mantissa) {
            ck_assert(isnan(value));
            ck_assert_uint_eq(f32_to_bf16(value), bits | 0x40);
            continue;
        }
        double magnitude = exponent == 255 ? INFINITY
                           : exponent      ? ldexp(128 + mantissa, exponent - 134)
                                           : ldexp(mantissa, -133);
        ck_assert(fabs((double)value) == magnitude);
        ck_assert_uint_eq(f32_to_bf16(value), bits);
    }
}
END_TEST

/* Between two neighbours: the middle goes to the even one, anything else to the nearer. The last
 * pair ends in infinity, whose place in the order is that of the next power of two. */
START_TEST(narrowing_rounds_to_nearest_even) {
    static const struct {
        uint16_t (*narrow)(float);
        float (*widen)(uint16_t);
        uint32_t infinity;
    } formats[] = {{f32_to_half, half_to_f32, 0x7c00}, {f32_to_bf16, bf16_to_f32, 0x7f80}};
    for (size_t f = 0; f < 2; f++)
        for (uint32_t bits = 0; bits < formats[f].infinity; bits++) {
            uint32_t next = bits + 1;
            double low = formats[f].widen((uint16_t)bits);
            double high = next < formats[f].infinity ? formats[f].widen((uint16_t)next)
                                                     : ldexp(1, f ? 128 : 16);
            float middle = (float)(low + (high - low) / 2);
            ck_assert((double)middle == low + (high - low) / 2);
            uint32_t even = bits & 1 ? next : bits;
            ck_assert_uint_eq(formats[f].narrow(middle), even);
            ck_assert_uint_eq(formats[f].narrow(-middle), even | 0x8000);
            ck_assert_uint_eq(formats[f].narrow(nextafterf(middle, 0)), bits);
            ck_assert_uint_eq(formats[f].narrow(nextafterf(middle, INFINITY)), next);
        }
    ck_assert_uint_eq(f32_to_half(1e30f), 0x7c00);
    ck_assert_uint_eq(f32_to_half(-1e-30f), 0x8000);
}
END_TEST

Suite *suite_safetensors_half(void) {
    Suite *suite = suite_create("safetensors_half");
    TCase *half = tcase_create("half");
    tcase_add_test(half, every_half_widens_to_its_value_and_back);
    tcase_add_test(half, every_bf16_widens_to_its_value_and_back);
    tcase_add_test(half, narrowing_rounds_to_nearest_even);
    suite_add_tcase(suite, half);
    return suite;
}
