/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Made by jose-vectors.py, which says how; not to be edited. */

/* clang-format off */
#define JOSE_PASSWORD "correct horse"
#define JOSE_TEXT "what the envelope holds"

/* JOSE_TEXT in each combination of algorithms. */
static const struct {
        const char *alg, *enc, *jwe;
} jose_envelopes[] __attribute__((unused)) = {
        { "PBES2-HS256+A128KW", "A128GCM",
          "eyJhbGciOiAiUEJFUzItSFMyNTYrQTEyOEtXIiwgImVuYyI6ICJBMTI4R0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiRXlyellC"
          "TnZzeGlGcTdRa1pjblN4QSJ9._TE_fhWT9gannutWqF7GjpBVDvWHbeUR.EKTvZcLdskS8m83d.FQk6elRKJJI20qZWFIhipRJcO"
          "rPNsPY.ljch-4mbmLScrJF1Cc94nA" },
        { "PBES2-HS256+A128KW", "A192GCM",
          "eyJhbGciOiAiUEJFUzItSFMyNTYrQTEyOEtXIiwgImVuYyI6ICJBMTkyR0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiVzB6cmVx"
          "V3JjZTVUVElaNW43MDNZdyJ9.TQGAnsUAzAdV-gEIp6ukmC0NVGAY9soppOCnO9-fR3U.LfbJN0O9vtxtKnAY.iSoEaPqGpZfJMu"
          "48H0AariQss0HOwBQ.8fSbSPa1hZfk6j8hL7x5QQ" },
        { "PBES2-HS256+A128KW", "A256GCM",
          "eyJhbGciOiAiUEJFUzItSFMyNTYrQTEyOEtXIiwgImVuYyI6ICJBMjU2R0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiblc0bkdt"
          "VFBPWXFjOHZyNGdqbVJhZyJ9.mgbwRWkyflZicaazsoEJqwrbebnLka5kawpOBS9VWb-f_Pfu78zs3A.1-w4m8Xz5nRKS1iB.eWy"
          "e1ABQj11J2RizZAhJk6giP7AM-mE.YQpeErngZ57FWZ_lXoXBDg" },
        { "PBES2-HS256+A128KW", "A128CBC-HS256",
          "eyJhbGciOiAiUEJFUzItSFMyNTYrQTEyOEtXIiwgImVuYyI6ICJBMTI4Q0JDLUhTMjU2IiwgInAyYyI6IDEwMDAsICJwMnMiOiAi"
          "d2taTWtCbzhmSkUzd29Wa2xwZV9nUSJ9.UpcjvyZ2zFYZjYmX8hvnLkCIuPdg8rtXnfreNLEhM5g8edCCfQO-4A.jXE8U_-5X6Xh"
          "V6c-Hb5cKA.793ub0Wnr5Sui72NDG0RznAUBwJK7G13fbhvZtlmkRQ.4uGV6y82HDv7QOJFI7mpMg" },
        { "PBES2-HS256+A128KW", "A192CBC-HS384",
          "eyJhbGciOiAiUEJFUzItSFMyNTYrQTEyOEtXIiwgImVuYyI6ICJBMTkyQ0JDLUhTMzg0IiwgInAyYyI6IDEwMDAsICJwMnMiOiAi"
          "cjlYSGU5RjREQWkyTm9wVDZNRGlDUSJ9.eK98JKALiZmdQtzvzNvI8UuAcLuItSIcX-CQB4a5uaD3gkF4ES0WzfEehg80N0m5uCq"
          "pH6g-Vns.m6DnvRW7eJytMIOg1HTtzw.mqoZFSJo6FTaONoV5P9LIOX_zahCqHZLYBq84gpF6tQ.vT_35lDvyNHRSuqcaOqe1dpA"
          "SeCYv5mF" },
        { "PBES2-HS256+A128KW", "A256CBC-HS512",
          "eyJhbGciOiAiUEJFUzItSFMyNTYrQTEyOEtXIiwgImVuYyI6ICJBMjU2Q0JDLUhTNTEyIiwgInAyYyI6IDEwMDAsICJwMnMiOiAi"
          "c2QtYW1PNC1TZHJyc210QlJpQ1I1dyJ9.AoryldI9p99rvX4ltWio4Z-CUYigAMbGssbJue0BzKkVr4VXtg0c86F2xYt2_BQ9GKX"
          "QaMbCzReXyHgv3KdWri05wyL3wbey.N5vNavzEe5UVQs_9aYq26A.sNJrUOcRy6VRCp5DDrhCSjHz-Q2sj9Rg_QN0G-SaVP0.dHO"
          "iMOdT0yVT3xqPqd16qkZTY80pY0xjiw-AZUH_GKk" },
        { "PBES2-HS384+A192KW", "A128GCM",
          "eyJhbGciOiAiUEJFUzItSFMzODQrQTE5MktXIiwgImVuYyI6ICJBMTI4R0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiTjZGQUZY"
          "czJNZUY3NWtiaGk1UFFDdyJ9.3YaraMe1fG_npl1WO7B6ApEUU8PsxnJi.NJHxFU0A8dqHBFGD.KXLjsja29Q-U5pTDXdMMnVfTW"
          "BV8wug.q_uaC0zJ5G4yLzYVYNnINw" },
        { "PBES2-HS384+A192KW", "A192GCM",
          "eyJhbGciOiAiUEJFUzItSFMzODQrQTE5MktXIiwgImVuYyI6ICJBMTkyR0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiWElkYnNM"
          "WDVfWnh0aXFjNTcwa1IwdyJ9.hDRPkZFqx6jTp_AMOWuTffP1H82GErWAjlY3IfgdK78.H9lXO9uBAuPyYBjy.U1enwQGgh8qAAj"
          "rtsOB7Fjq8H6kcGhw.U9Yw9SKi1rOKTG-eBVAiHQ" },
        { "PBES2-HS384+A192KW", "A256GCM",
          "eyJhbGciOiAiUEJFUzItSFMzODQrQTE5MktXIiwgImVuYyI6ICJBMjU2R0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiNTI3TkU0"
          "TmJHRzZHcXdHVmt4OFhZdyJ9.H2mGMobztv6-mbRzEeDYM4_WUhmpHSkUJJ3VhCOJ0MaKV9u6ATl2AA.HPrVq4tHN5hOIXOV.zTT"
          "G5fK_W79tP-QDMKiRW_CdWCObJOM.eNT3Tjwo1ATPqTn84lc5mw" },
        { "PBES2-HS384+A192KW", "A128CBC-HS256",
          "eyJhbGciOiAiUEJFUzItSFMzODQrQTE5MktXIiwgImVuYyI6ICJBMTI4Q0JDLUhTMjU2IiwgInAyYyI6IDEwMDAsICJwMnMiOiAi"
          "U1g3aUVNLWh1YVR5dUdxelhNcml1USJ9.8wiTwEYf7dSp-PMTT4aGzsNe_S3Q-z-vHwh6RBGit8cfnUVgbFM4MA.CurjXbWqtye0"
          "j8vxpnu2aQ.n51UrPeJpt75OCFUikivitnOHYsX2td14xeV43heTTY.mzffHs2K5VfINJJevsEZpQ" },
        { "PBES2-HS384+A192KW", "A192CBC-HS384",
          "eyJhbGciOiAiUEJFUzItSFMzODQrQTE5MktXIiwgImVuYyI6ICJBMTkyQ0JDLUhTMzg0IiwgInAyYyI6IDEwMDAsICJwMnMiOiAi"
          "SGUxWWVxZW9UZXNxLUhNb3pna0hEUSJ9.iUpmgJMlsGZXpsQoVC6Z3S2iaQD7QCBC1YsMMt7Yf-qtDbgEptb-ye-dBi6nTCwTyta"
          "S6SdRyCQ.grUnK7A2YLUxVaVe7-qy-g.vc0r-23zeugGS2P-_7PlddRcUpKcOXZo8xbXnuejNj8.GqfNWf0O1Ktj2ZSB20B8S88A"
          "4Hh_iaQ9" },
        { "PBES2-HS384+A192KW", "A256CBC-HS512",
          "eyJhbGciOiAiUEJFUzItSFMzODQrQTE5MktXIiwgImVuYyI6ICJBMjU2Q0JDLUhTNTEyIiwgInAyYyI6IDEwMDAsICJwMnMiOiAi"
          "NjZ6bUxaRlJuaFRiZjQ5RklsRDl1USJ9.uCnnkHo6bj-iE0tumIysRncmpCrbwYnW-ADRmPfKiZoGFMcaBsxVhJvDNVWl3JQGRpM"
          "EP0hJWM0zMYHGTK0zPxwBWaaxdjZm.h2q-8fxC3mRDMn1-L7oUHw.fP9ZUG_99D-7OXwJNKMBciqczzEcjzra-TFECxp_S2I.zuY"
          "3v0lRILmsSWSSGIYYAqqq_JM7k9WFkBJndOXaQuI" },
        { "PBES2-HS512+A256KW", "A128GCM",
          "eyJhbGciOiAiUEJFUzItSFM1MTIrQTI1NktXIiwgImVuYyI6ICJBMTI4R0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiZHNlalRE"
          "dFV3N240RG1oQ1NzNXNQQSJ9.zlJJiq5REnBN4oiF6Sg6fh-EexcgolMf.bTba0SofzRZR3v1A.k0DBaaxhxdAkbKBzIbgtT6pRI"
          "O_F0YA.QquhpRHJNFT3z_wAvQwmow" },
        { "PBES2-HS512+A256KW", "A192GCM",
          "eyJhbGciOiAiUEJFUzItSFM1MTIrQTI1NktXIiwgImVuYyI6ICJBMTkyR0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiNnhvMWZi"
          "N0t1UzdlTE5Mc21jcmUwdyJ9.NKkB7_xq-6m_K4xxHycssdXDRhPzCK3JCH-Vo1fQoKY.TLKNY6pXlKpp0DpB.yd8En5Y_07KMCI"
          "7EC_2SCpubbTeW6uU.-Skb3aT1vtIdHcpN_SreyQ" },
        { "PBES2-HS512+A256KW", "A256GCM",
          "eyJhbGciOiAiUEJFUzItSFM1MTIrQTI1NktXIiwgImVuYyI6ICJBMjU2R0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiYnVPaEg0"
          "TGRSSHZTbnQ5QkwwdTY3ZyJ9.RjGFuPjvxbNYrXhBS4aRkeEMZtBZeCxzmMoloznc7c2LOrCZTc2TZA.1MACI18HePjOY37_.vE0"
          "t4UiB6panjrlblzUOB5y81vGnZp4.DeS1zNMymyHu_hpUlmcdFA" },
        { "PBES2-HS512+A256KW", "A128CBC-HS256",
          "eyJhbGciOiAiUEJFUzItSFM1MTIrQTI1NktXIiwgImVuYyI6ICJBMTI4Q0JDLUhTMjU2IiwgInAyYyI6IDEwMDAsICJwMnMiOiAi"
          "eUQ5RVVjelViZ1ZJalJHSkx1bzJhQSJ9.RqyUoavk4J0FYQmLU2IjQ9xgV92EkYFmHk35gQeFzI8F5C9NmZ_A9w.m5bScpLhpNR7"
          "p6ApwLuEIw.Zpb3Hj1APLNlBEYStpDB7Ra4TTYxldtJ7czWFDhqLBA._v7RCBFBFTkgCNGDmMg-7g" },
        { "PBES2-HS512+A256KW", "A192CBC-HS384",
          "eyJhbGciOiAiUEJFUzItSFM1MTIrQTI1NktXIiwgImVuYyI6ICJBMTkyQ0JDLUhTMzg0IiwgInAyYyI6IDEwMDAsICJwMnMiOiAi"
          "VmhTRWlYQ3BMY1FPNVV6ZnhMby0yZyJ9.kndrG-fc4BQ3gzuU0fhyJHKCnkBFlK6NaPtaJzbNm0VA_yamoAE8BYdhnWqFwlnrbc9"
          "Hy88oEio.E3WjhvpgM6dDumJt5I11YQ.gRfnOM7_kLAq4rJBDEbCpE5WmnNx77x7HbpI3TkFI5k.V6zJ8sB74Ed_WmbuyeTr2IYm"
          "1WnuQSLl" },
        { "PBES2-HS512+A256KW", "A256CBC-HS512",
          "eyJhbGciOiAiUEJFUzItSFM1MTIrQTI1NktXIiwgImVuYyI6ICJBMjU2Q0JDLUhTNTEyIiwgInAyYyI6IDEwMDAsICJwMnMiOiAi"
          "aTBWSUFSS05UbWJBZjRfaFZXR2UwUSJ9.p68N76IOzXvPRgSZjObjeFRbRve_bPrDF5IEn-d4NXDQt5dKMCJjckZb9_isFnEksrP"
          "dPL7bFhSvmlt4Ssz2ZkHsp4nhDEAX.xP9k7aKf8ZqgtWG7XN45Ow.YfG2QdBei0N4iHE6uKW9Ro-2SL3pwwdgopzNLbk57B0.qZk"
          "WMpYDzJz3KZO0430OlGf8U1qrAXalcGTmQMn55Zg" },
};

/* Private keys; the public half is base64url of a SubjectPublicKeyInfo's DER. */
static const struct {
        const char *name, *jwk, *spki, *jwe;
} jose_keys[] __attribute__((unused)) = {
        { "P-256",
          "{\"kty\": \"EC\", \"crv\": \"P-256\", \"use\": \"sig\", \"kid\": \"the P-256 key\", \"x\": "
          "\"e6KJlcQKmzklWklfAKrTxfr9JtUFDXNeO7VlC_gDD68\", \"y\": \"np6vEb0P7DaqycKen0E8ktoUw26csl8tVEo3spHZaIM\", "
          "\"d\": \"AADGCWx2hQgN-QmERR55WhwBUOmf0O1gD-L1UJBc74Q\"}",
          "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEe6KJlcQKmzklWklfAKrTxfr9JtUFDXNeO7VlC_gDD6-enq8RvQ_sNqrJwp6fQTyS"
          "2hTDbpyyXy1USjeykdlogw",
          "eyJhbGciOiAiUEJFUzItSFMyNTYrQTEyOEtXIiwgImVuYyI6ICJBMjU2R0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiblc0bkdt"
          "VFBPWXFjOHZyNGdqbVJhZyJ9.mgbwRWkyflZicaazsoEJqwrbebnLka5kawpOBS9VWb-f_Pfu78zs3A.1-w4m8Xz5nRKS1iB.dSa"
          "U1FkG3RhL-TXnLUQEgL90deVAvELUk3Z-dutDgmW5x84046O2TgbWBhr6Wwd6t50Qj4lf2rKVZNdQ3E1vgj3B5dCLLiEzSHic5HG"
          "Uk059nFe-vVbWk-2vbayxLFMLq199hUsWFG_9teseIy58tnTXT5XiiDcGyu9GsCU3ayxY8jpcZ3L4jg9BOni4S8csVX2C-bsodTA"
          "eSFfgm0-5VJIZ_obeFtA2vont4ynvBNllmFTE4p5MgbMGiwSNW53K7eBfh-Yezrwk3mLICfN9kWHCwl2SFgKQ5-mDYjkmUQ.ApH6"
          "rcZ39_itmUvG2BaM5w" },
        { "P-384",
          "{\"kty\": \"EC\", \"crv\": \"P-384\", \"use\": \"sig\", \"kid\": \"the P-384 key\", \"x\": "
          "\"zbw1GWrBFDMDOg22rTSZMn1JrmCZbIML3FV5lG3NCbFHjZXpyOSdyf-K4eL4tO1y\", \"y\": "
          "\"1zwExCVS5JCNGk8t7xSrulmqtHUUt4PUCzuKaeEijM5E61Cw8G6lUIe6oDYyHlAM\", \"d\": "
          "\"AAApdnxMD9hovYcbAAYXv5X4p6BYsEl11uwZ_B5vN3Nq4S-3lQicT0NpxOPs8olE\"}",
          "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEzbw1GWrBFDMDOg22rTSZMn1JrmCZbIML3FV5lG3NCbFHjZXpyOSdyf-K4eL4tO1y1zwE"
          "xCVS5JCNGk8t7xSrulmqtHUUt4PUCzuKaeEijM5E61Cw8G6lUIe6oDYyHlAM",
          "eyJhbGciOiAiUEJFUzItSFMyNTYrQTEyOEtXIiwgImVuYyI6ICJBMjU2R0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiblc0bkdt"
          "VFBPWXFjOHZyNGdqbVJhZyJ9.mgbwRWkyflZicaazsoEJqwrbebnLka5kawpOBS9VWb-f_Pfu78zs3A.1-w4m8Xz5nRKS1iB.dSa"
          "U1FkG3RhL-TXnLUQEgL90deVAvELUknt8dutDgmW5x84046O2TgbWBhr6Wwd6t50Qj4lf2rKVZNZd3k1vgj3B5dCLLiEzSHiDsE3"
          "vuHpelXyAm37On7P7XrOQImYD6CxFnF0KMn7-nJdvI3dTriDdSMGc4nF8sOYdxVZxfDpDz0tbGxa7hV9JYTfTDNA-KmXLvK4KR3p"
          "rfXe56XihVpYS-cHuH8MKn8awt0Pec5dx6kDG3KxEt65xij-nIPWtseZ67ZQd9YEa-QHoIMw0ljzky1LyB3W-h7CUdClFbXqGPps"
          "2SgdjnhQQAjjEe724lni8Vy8vAmFCAO7-GLW1OEIX5mTBxWGNjMyBM0FWxs59ejmcUiNAPcqQC8JZ9A.lcCZ6EyDokvI8N_zdrDl"
          "Tw" },
        { "P-521",
          "{\"kty\": \"EC\", \"crv\": \"P-521\", \"use\": \"sig\", \"kid\": \"the P-521 key\", \"x\": "
          "\"AA6KvyGyrgK5BfMuwWPLLirVmyWHfFvIpP6d6mdjSZ7CyfMrlV-V9jrXb2flRL-uuIh_zeksqs82zpSSpn7fZtzc\", \"y\": "
          "\"AEKfdfjBqIEEZHkXFth2Wn74DddpqgeLUBMKyqvqu5ERf3og95JMhp5zif3Vda8LTdb6saE2IFTp3Dvupl633Gl1\", \"d\": "
          "\"AABvEoz3m9URza_aiLBlXpL0XHzU1-dBYK-3lxVb6VlNWheJ8mY0bh27dNAV3zQWJ--TwKOdDm9U-GxP1Jwov_Sg\"}",
          "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQADoq_IbKuArkF8y7BY8suKtWbJYd8W8ik_p3qZ2NJnsLJ8yuVX5X2OtdvZ-VEv664"
          "iH_N6SyqzzbOlJKmft9m3NwAQp91-MGogQRkeRcW2HZafvgN12mqB4tQEwrKq-q7kRF_eiD3kkyGnnOJ_dV1rwtN1vqxoTYgVOnc"
          "O-6mXrfcaXU",
          "eyJhbGciOiAiUEJFUzItSFMyNTYrQTEyOEtXIiwgImVuYyI6ICJBMjU2R0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiblc0bkdt"
          "VFBPWXFjOHZyNGdqbVJhZyJ9.mgbwRWkyflZicaazsoEJqwrbebnLka5kawpOBS9VWb-f_Pfu78zs3A.1-w4m8Xz5nRKS1iB.dSa"
          "U1FkG3RhL-TXnLUQEgL90deVAvELUlHF5dutDgmW5x84046O2TgbWBhr6Wwd6t50Qj4lf2rKVZNBX201vgj3B5dCLLiEzSHi4kwy"
          "ViVRrrkijnQ_Dnsy8W7CTNGcEqzBaiEkYNnHFmdR5QyYJhHf5WPnt6WJApeQI3ChDPDYc3B0MMU6dhkNFNlKbcdN5ezaY_uxPeHJ"
          "7eFTilF21ZYdJr9q2bshdyYvjgk7AQIcj0Ff075xKjINfuxOefYLM7pI5kbdP6aU0-XvSJtgGpyHT9wXrYgW8luXTb11OYWKSZZk"
          "SaA1dlQNxLQ7hWNKTgQjWKhlNMAt1M_e_RfbxUVo54jCj1g2YmqWMImxG7dtsJQ3fR1VFHIieOOYSxRCDnDi0EDu8X5w4j7EodIF"
          "RoRlrXGJvFSRpdOV3ch1qwJbHtJ4mYHuWqKGJsc1oac7UX60YZ3JsYwEiI2FxhYcFr-oRS6msCA.5_PolErDBYQBMNBQKgbUrQ" },
        { "Ed25519",
          "{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"kid\": \"the Ed25519 key\", \"x\": "
          "\"5iHEXqLByPtS3A1vGmnZsu-qVbAQg26FwhVjbSOj33I\", \"d\": \"E7eyWofVZgZJ4_lr5yRYmWbSfUEizCURXzaVYj2svH8\"}",
          "MCowBQYDK2VwAyEA5iHEXqLByPtS3A1vGmnZsu-qVbAQg26FwhVjbSOj33I",
          "eyJhbGciOiAiUEJFUzItSFMyNTYrQTEyOEtXIiwgImVuYyI6ICJBMjU2R0NNIiwgInAyYyI6IDEwMDAsICJwMnMiOiAiblc0bkdt"
          "VFBPWXFjOHZyNGdqbVJhZyJ9.mgbwRWkyflZicaazsoEJqwrbebnLka5kawpOBS9VWb-f_Pfu78zs3A.1-w4m8Xz5nRKS1iB.dSa"
          "U1FkG3RhL8z2VI0gGwa5wIf1avjC8xXF9YfZagjzqgIdnp6P_B0OAQl_4dQosoJIBlN1c2uvnZcVHkk8-x2bWoLjsDnJFKiOppmn"
          "tvhxakFeqjEn01fCfTqaSHxlbnxFfp3QyA3jZ45dgV24fy3exMYP47yxDkcEL7FNPYgYksCBSJRe2mDddFHmgSPxZeT-q2IYleGN"
          "-ck6-0E2nKd9X.ClVrapd0bRMUIFptrSdX2A" },
};
/* clang-format on */
