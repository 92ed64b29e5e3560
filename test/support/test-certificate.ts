/**
 * A certificate for `localhost` and 127.0.0.1 that vouches for itself, with its private key: for tests of TLS, and worth
 * nothing elsewhere. Valid for a hundred years from November 2026.
 */

/** PEM; also the authority to be believed. */
export const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBpTCCAUugAwIBAgIUZY9kHzlZgk4qiiO9lpjjdyGVlj8wCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOa2VyYnN0b25lIHRlc3QwIBcNMjYxMTI4MTkwMTQ0WhgPMjEy
NjExMDQxOTAxNDRaMBkxFzAVBgNVBAMMDmtlcmJzdG9uZSB0ZXN0MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEEWXaySO30fzhCbg8v+gv83vTzT4TjgFx/TeTvZui
RatUq81/rQ1MH4SiOx3uP6rCx2+ihDS4b93G8yPyLBgYJ6NvMG0wHQYDVR0OBBYE
FFwTVvkdYMsTbrGm7BLqgjZdnvgiMB8GA1UdIwQYMBaAFFwTVvkdYMsTbrGm7BLq
gjZdnvgiMA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/
AAABMAoGCCqGSM49BAMCA0gAMEUCIQDkZF08vZhVg8mulP6Dmy5yS1XyVqhwwUXi
nFuh680p9wIgXuVGKjL+dk1fVHs8EFW2VOG8geBXTm+C8IH7mbQRRK4=
-----END CERTIFICATE-----
`;

/** PEM, PKCS#8. */
export const TEST_CERTIFICATE_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgB/hYREUW6sWu8qwP
QvCEkUOatO4eL2PbroAt7ZKOIeihRANCAAQRZdrJI7fR/OEJuDy/6C/ze9PNPhOO
AXH9N5O9m6JFq1SrzX+tDUwfhKI7He4/qsLHb6KENLhv3cbzI/IsGBgn
-----END PRIVATE KEY-----
`;
