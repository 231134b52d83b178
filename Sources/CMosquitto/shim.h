#pragma once
#include <mosquitto.h>
// For the reason why a certificate is refused.
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
