#pragma once
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

// LAPACK, which OpenBLAS contains; its headers are another package.
void dgesv_(const int *n, const int *columns, double *a, const int *a_stride, int *pivots, double *b,
            const int *b_stride, int *info);

#if defined(__x86_64__)
#include <cpuid.h>

// Exported by builds of OpenBLAS that choose their kernels at run time (DYNAMIC_ARCH); null in others.
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

/// Whether this processor lacks instructions of the kernels that OpenBLAS has chosen.
///
/// OpenBLAS takes every AMD processor of family 15 for an Opteron and prefetches with 3DNow! instructions, which the
/// emulated processors of that family (QEMU's qemu64) do not have: the first product ends in SIGILL.
static inline int astd_openblas_is_unsuitable(void) {
  unsigned a, b, c, d;
  if (strncmp(openblas_get_corename(), "Opteron", 7) != 0) return 0;
  if (!__get_cpuid(0x80000001, &a, &b, &c, &d)) return 1;
  return !(d & 1u << 31 || c & 1u << 8);  // 3DNow!, or its prefetches alone
}

/// Makes OpenBLAS choose the kernels that every x86-64 processor with SSE3 has. Called before the first product.
/// Returns 0 where the library cannot choose again.
static inline int astd_openblas_choose_baseline(void) {
  if (!gotoblas_dynamic_init || !gotoblas_dynamic_quit) return 0;
  if (setenv("OPENBLAS_CORETYPE", "Prescott", 1) != 0) return 0;
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  return !astd_openblas_is_unsuitable();
}
#else
static inline int astd_openblas_is_unsuitable(void) { return 0; }
static inline int astd_openblas_choose_baseline(void) { return 0; }
#endif
