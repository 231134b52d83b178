#pragma once
#include <cblas.h>

// LAPACK, which OpenBLAS contains; its headers are another package.
void dgesv_(const int *n, const int *columns, double *a, const int *a_stride, int *pivots, double *b,
            const int *b_stride, int *info);
