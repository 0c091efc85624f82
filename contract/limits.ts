/**
 * Lists every bound that a reader of untrusted bytes enforces. Both sides hold them: the packager refuses to write what
 * a device would refuse to read.
 */
export const limits = {
  /** TUF root.json; a larger one is an endless-data attack (TUF 5.3.3). */
  maxRootBytes: 512 * 1024,
  /** TUF timestamp.json (TUF 5.4.1). */
  maxTimestampBytes: 16 * 1024,
  /** TUF snapshot.json when the timestamp gives no length (TUF 5.5.1). */
  maxSnapshotBytes: 2 * 1024 * 1024,
  /** One targets role when the snapshot gives no length (TUF 5.6.1). */
  maxTargetsBytes: 4 * 1024 * 1024,
  /** Root versions that a device follows in one check (TUF 5.3.2); the next check goes on where it ended. */
  maxRootRotations: 64,
  /** Root versions that are followed at once where they are all at hand: in a store, in a bundle. */
  maxRootChain: 4096,
  /** Delegated roles visited for one target (TUF 5.6.7). */
  maxDelegations: 32,
  /** Roles that one targets role delegates to, and keys that one document names: tuf-js reads both in quadratic time. */
  maxDelegatedRoles: 1024,
  maxMetadataKeys: 256,
  /** Releases in the role of a product itself: above that they are in hash bins. */
  maxTargetsPerRole: 500,
  /** Releases for each hash bin, on average, before there are twice as many bins. */
  maxTargetsPerBin: 200,
  minHashBins: 16,
  /** Two hexadecimal digits tell them apart. */
  maxHashBins: 256,
  /** release.json. */
  maxManifestBytes: 1024 * 1024,
  maxComponents: 256,
  maxDeltasPerComponent: 32,
  maxBlobsPerComponent: 4,
  /** Documents beside the components of a release, and bytes of one: an SBOM of a whole image set has tens of MiB. */
  maxAttachments: 64,
  maxAttachmentBytes: 64 * 1024 * 1024,
  /** A statement of provenance, which a device may be told to read. */
  maxStatementBytes: 1024 * 1024,
  maxStatementSignatures: 16,
  /** A list of checksums and the name of one file there; a cosign bundle; a trusted root of Sigstore. */
  maxChecksumsBytes: 1024 * 1024,
  maxUpstreamNameBytes: 255,
  maxCosignBundleBytes: 4 * 1024 * 1024,
  /** A file whose signature is verified is read as a whole. */
  maxSignedFileBytes: 2 ** 31 - 1,
  /** Length of one component, 1 TiB: far above any image set, far below 2^53. */
  maxComponentBytes: 2 ** 40,
  maxInstallPathBytes: 512,
  /** NAME_MAX of Linux. */
  maxInstallPathSegmentBytes: 255,
  /**
   * The highest counter that is built, 2^52: a time in microseconds fits. Devices read higher ones, so that a newer
   * packager can follow a release that took the last of these.
   */
  maxBuiltCounter: 2 ** 52,
  /** A YAML document: release.yaml, a rollout, a configuration. */
  maxDocumentBytes: 1024 * 1024,
  /** All manifests of one component: they are parsed whole when they are packed. */
  maxManifestTextBytes: 64 * 1024 * 1024,
  /** Lexical tokens of one YAML text: 1 MiB of declarations has some 200,000; reading those takes 1 to 3 s. */
  maxYamlTokens: 500_000,
  /** Collections inside one another; each level is a few frames of the reader's stack. */
  maxYamlDepth: 200,
  /** Anchors of one YAML text, and aliases. */
  maxYamlAnchors: 1000,
  maxYamlDocuments: 10_000,
  /** Values of one YAML document with its aliases written out. */
  maxYamlNodes: 500_000,
  /** Problems told of one text or of one plan; who has more gets the first ones. */
  maxProblems: 100,
  maxProblemCharacters: 300,
  /** Files that declare the rollouts of one distributor. */
  maxDeclaredFiles: 1000,
  /** Fleets, groups and rollouts of one plan. */
  maxDeclaredDocuments: 10_000,
  /** A plan that takes longer to read, or more memory, is refused; reading goes on beside the answers of the server. */
  maxPlanReadMs: 60_000,
  maxPlanReadMegabytes: 1024,
  /** A kustomization.yaml, and what a transformer or generator is made of. */
  maxKustomizationBytes: 256 * 1024,
  maxKustomizationTokens: 50_000,
  /** Folders that one kustomization builds on. */
  maxKustomizations: 200,
  /** All of them together, also as Kustomize renders them, and the body of a plan that is applied. */
  maxDeclaredBytes: 16 * 1024 * 1024,
  /** zstd frames for transport: a decoder needs 2^windowLog bytes (8 MiB). */
  maxZstdWindowLog: 23,
  /**
   * zstd frames that continue an old part: a decoder holds that part twice, and as much of the new one as the window.
   */
  maxZstdPatchBytes: 10 * 1024 * 1024,
  maxZstdPatchWindowLog: 24,
  /** RFC 3284 target window; xdelta3 writes 8 MiB ones. The decoder's memory is bounded by it. */
  maxVcdiffTargetWindowBytes: 16 * 1024 * 1024,
  /** RFC 3284 sections of one window: instructions, data, addresses. */
  maxVcdiffSectionBytes: 24 * 1024 * 1024,
  /** Old and new file of one approximate patch: positions fit 31 bits. */
  maxApproximateBytes: 2 ** 31 - 1,
  /** Steps of one approximate patch; a decoder keeps 12 bytes of each. */
  maxApproximateSteps: 2 ** 20,
  /** A recipe as JSON text; the recipe of an airgap tarball with 10,000 files above 32 KiB is about 1 MiB. */
  maxRecipeBytes: 8 * 1024 * 1024,
  /** Compressed streams inside one another: an airgap tarball in zstd with gzip layers that hold a gzip file is 3. */
  maxRecipeDepth: 8,
  /** Nodes of a recipe in all. */
  maxRecipeNodes: 200_000,
  /** Parts that an artifact is cut into. */
  maxRecipeParts: 65_536,
  /** Length of all parts together, 64 GiB: what a device may be asked to lay out on disk. */
  maxOpenedBytes: 2 ** 36,
  /** Content of a compressed stream by its length; DEFLATE cannot exceed 1,032, what exceeds this is a bomb. */
  maxExpansion: 2000,
  /** Window of a zstd frame that is opened and rebuilt: a decoder needs 2^windowLog bytes (128 MiB). K3s writes 25. */
  maxRecipeZstdWindowLog: 27,
  /** The directory of a delta: base, target and its parts. */
  maxDeltaDirectoryBytes: 8 * 1024 * 1024,
  maxDeltaParts: 65_536,
  /** Side tables of one Go part; the decoder holds them. */
  maxGoTablesBytes: 16 * 1024 * 1024,
  /** The application header of a VCDIFF delta, which holds two file names and is skipped. */
  maxVcdiffApplicationHeaderBytes: 64 * 1024,
  /** Connections of one server; fewer where the process may open fewer files. */
  maxConnections: 20_000,
  /** Downloads that one server sends at once, from whatever store; fewer where it may have fewer connections. */
  maxDownloads: 2000,
  /** Memory of one download whose reader is slow: a small buffer, its connection, and what the store sent ahead. */
  maxSlowReaderBytes: 192 * 1024,
  /** Memory that all downloads share besides, which makes fast ones fast; slow readers may hold all of it. */
  maxSendBufferBytes: 64 * 1024 * 1024,
  /** The head of a request, and a TLS handshake, must have arrived by then. */
  maxRequestHeadMs: 15_000,
  /** A whole request must have; answers may take as long as bytes move. */
  maxRequestMs: 30_000,
  /** Bodies of check-ins and reports. */
  maxCheckBytes: 64 * 1024,
  /** A JWT that a person shows; a head of a request may have twice as much. */
  maxPersonBearerBytes: 8 * 1024,
  maxReportsPerRequest: 100,
  /** Troubles that a device tells of in one check, and characters of the message of each. */
  maxTroubles: 8,
  maxTroubleMessage: 500,
  /** Lowest poll interval a server may ask for. */
  minPollSeconds: 30,
  /** Highest poll interval a server may ask for. */
  maxPollSeconds: 24 * 3600,
  /** A server that is busy (`Retry-After`) is believed so long at most, for a check, a document and a blob alike. */
  maxRetryAfterSeconds: 3600,
  /** Farthest end of a window that an answer may name: 31 days. */
  maxSwitchWaitSeconds: 31 * 24 * 3600,
  /** How long an offline grant may hold at most. */
  maxGrantDays: 365,
  /** Signatures on one permit, and on one grant. */
  maxPermitSignatures: 16,
} as const;
