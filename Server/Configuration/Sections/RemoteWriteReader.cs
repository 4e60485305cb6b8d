using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary>One entry of <c>metrics_generator.storage.remote_write</c>, with the keys and the rules of Prometheus.</summary>
internal sealed class RemoteWriteReader(Problems problems)
{
    private const string NotUsed = "known to Prometheus, not used here";

    private static readonly (string, RelabelAction?)[] Actions = [.. OptionTable.WordsOf(typeof(RelabelAction)).Select(static word => (word.Word, (RelabelAction?)word.Value))];

    private static readonly (string, string)[] Messages =
    [
        ("", RemoteWriteOptions.MessageV1), (RemoteWriteOptions.MessageV1, RemoteWriteOptions.MessageV1), (RemoteWriteOptions.MessageV2, RemoteWriteOptions.MessageV2),
    ];

    private static readonly (string, string)[] TlsVersions = [("", ""), ("TLS12", "TLS12"), ("TLS13", "TLS13")];

    public RemoteWriteOptions Read(MappingReader entry)
    {
        var defaults = new RemoteWriteOptions();
        entry.Unused(NotUsed, "round_robin_dns", "enable_http2");
        if (!entry.Bool("send_native_histograms", true))
            entry.Warn("send_native_histograms", "without effect: native histograms are sent wherever they are generated");
        foreach (var auth in (ReadOnlySpan<string>)["oauth2", "sigv4", "google_iam"])
            entry.Refuse(auth, "not supported, and out of scope; allowed are basic_auth, authorization, azuread, headers and client certificates");
        entry.Refuse("no_proxy", "not supported yet: proxy_url holds for the endpoint", "");
        entry.Refuse("proxy_from_environment", "not supported yet: write proxy_url", "false");
        entry.Refuse("proxy_connect_header", "not supported yet");

        var options = entry.Options(defaults) with
        {
            Url = ReadUrl(entry, "url", required: true),
            ProtobufMessage = entry.Choice("protobuf_message", defaults.ProtobufMessage, Messages),
            HttpHeaders = ReadHttpHeaders(entry),
            BasicAuth = ReadBasicAuth(entry.Mapping("basic_auth")),
            Authorization = ReadAuthorization(entry),
            Azuread = AzureAdReader.Read(entry.Mapping("azuread")),
            TlsConfig = ReadTls(entry.Mapping("tls_config")),
            WriteRelabelConfigs = [.. (entry.Items("write_relabel_configs") ?? []).Select(i => ReadRelabel(MappingReader.Item(problems, i.Path, i.Node)))],
            ProxyUrl = ReadUrl(entry, "proxy_url", required: false),
            QueueConfig = ReadQueue(entry.Mapping("queue_config"), defaults.QueueConfig),
            MetadataConfig = ReadMetadata(entry.Mapping("metadata_config"), defaults.MetadataConfig),
        };
        entry.Done();
        CheckNotAuthorization(entry, "headers", options.Headers.Keys);
        CheckHeaders(entry, "headers", options.Headers);
        if (options.BasicAuth is not null && options.Authorization is not null)
            entry.Error("basic_auth", "stands beside authorization or bearer_token; allowed is at most one of basic_auth, authorization, bearer_token, bearer_token_file");
        if (options.Azuread is not null && (options.BasicAuth is not null || options.Authorization is not null))
            entry.Error("azuread", "stands beside basic_auth, authorization or bearer_token; allowed is one of them");
        return options;
    }

    /// <summary>Reports what is wrong with headers, <c>remote_write_headers</c> of a tenant's overrides among them.</summary>
    public static void CheckHeaders(MappingReader block, string key, IReadOnlyDictionary<string, string> headers)
    {
        foreach (var (name, value) in headers)
        {
            CheckName(block, key, name);
            CheckSecret(block, key, $" of {Spelling.Quote(name)}", value, HeaderField.ValueProblem);
        }
    }

    private static string ReadUrl(MappingReader entry, string key, bool required)
    {
        var text = entry.String(key, "");
        if (text.Length == 0)
        {
            if (required)
                entry.Error(key, "is missing; allowed is an http:// or https:// URL");
            return "";
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.Host.Length == 0)
            entry.Error(key, $"{Spelling.Quote(RedactedUrl.Of(text))} is not an http:// or https:// URL");
        return text;
    }

    private static void CheckNotAuthorization(MappingReader entry, string key, IEnumerable<string> names)
    {
        if (names.Contains(HeaderField.Authorization, StringComparer.OrdinalIgnoreCase))
            entry.Error(key, "'Authorization' does not belong here; allowed are basic_auth and authorization");
    }

    private static void CheckName(MappingReader block, string key, string name)
    {
        if (HeaderField.NameProblem(name) is { } problem)
            block.Error(key, $"{Spelling.Quote(name)} {problem}");
    }

    // Without the value, which may be a secret.
    private static void CheckSecret(MappingReader block, string key, string of, string secret, Func<string, string?> problemOf)
    {
        if (problemOf(secret) is { } problem)
            block.Error(key, $"the value{of} {problem}");
    }

    private static void CheckFile(MappingReader block, string key, string file, Func<string, string?> problemOf)
    {
        if (file.Length > 0 && SecretFile.Problem(file, problemOf) is { } problem)
            block.Error(key, $"what the file {Spelling.Quote(file)} holds {problem}");
    }

    private Dictionary<string, HttpHeaderOptions> ReadHttpHeaders(MappingReader entry)
    {
        var headers = new Dictionary<string, HttpHeaderOptions>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, node) in entry.Nodes("http_headers") ?? [])
        {
            CheckName(entry, "http_headers", name);
            var header = MappingReader.Item(problems, $"{entry.PathOf("http_headers")}.{name}", node);
            var options = header.Options(new HttpHeaderOptions());
            header.Done();
            foreach (var value in options.Values)
                CheckSecret(header, "values", "", value, HeaderField.ValueProblem);
            foreach (var secret in options.Secrets)
                CheckSecret(header, "secrets", "", secret, HeaderField.ValueProblem);
            foreach (var file in options.Files)
                CheckFile(header, "files", file, HeaderField.ValueProblem);
            headers[name] = options;
        }

        CheckNotAuthorization(entry, "http_headers", headers.Keys);
        return headers;
    }

    private static BasicAuthOptions? ReadBasicAuth(MappingReader auth)
    {
        if (!auth.Present)
            return null;

        var options = auth.Options(new BasicAuthOptions());
        auth.Refuse("username_ref", "not supported: there is no secret manager");
        auth.Refuse("password_ref", "not supported: there is no secret manager");
        auth.Done();
        OneOf(auth, options.Username, "username", options.UsernameFile, "username_file");
        OneOf(auth, options.Password, "password", options.PasswordFile, "password_file");
        CheckSecret(auth, "username", "", options.Username, HeaderField.UserProblem);
        CheckFile(auth, "username_file", options.UsernameFile, HeaderField.UserProblem);
        CheckSecret(auth, "password", "", options.Password, HeaderField.CredentialProblem);
        CheckFile(auth, "password_file", options.PasswordFile, HeaderField.CredentialProblem);
        return options;
    }

    private static AuthorizationOptions? ReadAuthorization(MappingReader entry)
    {
        var block = entry.Mapping("authorization");
        AuthorizationOptions? options = null;
        if (block.Present)
        {
            options = block.Options(new AuthorizationOptions());
            options = options with { Type = options.Type.Trim() is { Length: > 0 } type ? type : new AuthorizationOptions().Type };
            block.Refuse("credentials_ref", "not supported: there is no secret manager");
            block.Done();
            OneOf(block, options.Credentials, "credentials", options.CredentialsFile, "credentials_file");
            CheckSecret(block, "type", "", options.Type, HeaderField.ValueProblem);
            CheckSecret(block, "credentials", "", options.Credentials, HeaderField.ValueProblem);
            CheckFile(block, "credentials_file", options.CredentialsFile, HeaderField.ValueProblem);
            if (options.Type.Equals("basic", StringComparison.OrdinalIgnoreCase))
                block.Error("type", "'basic' is not allowed; write basic_auth instead");
        }

        // How it was written before authorization came.
        var token = entry.String("bearer_token", "");
        var tokenFile = entry.String("bearer_token_file", "");
        if (token.Length == 0 && tokenFile.Length == 0)
            return options;

        OneOf(entry, token, "bearer_token", tokenFile, "bearer_token_file");
        CheckSecret(entry, "bearer_token", "", token, HeaderField.ValueProblem);
        CheckFile(entry, "bearer_token_file", tokenFile, HeaderField.ValueProblem);
        if (options is not null)
            entry.Error(token.Length > 0 ? "bearer_token" : "bearer_token_file", "stands beside authorization; allowed is one of the two");
        return new AuthorizationOptions { Credentials = token, CredentialsFile = tokenFile };
    }

    private static ClientTlsOptions? ReadTls(MappingReader tls)
    {
        if (!tls.Present)
            return null;

        var options = tls.Options(new ClientTlsOptions()) with { MinVersion = tls.Choice("min_version", "", TlsVersions) };
        tls.Unused(NotUsed, "max_version");
        foreach (var reference in (ReadOnlySpan<string>)["ca_ref", "cert_ref", "key_ref"])
            tls.Refuse(reference, "not supported: there is no secret manager");
        tls.Done();

        OneOf(tls, options.Ca, "ca", options.CaFile, "ca_file");
        OneOf(tls, options.Cert, "cert", options.CertFile, "cert_file");
        OneOf(tls, options.Key, "key", options.KeyFile, "key_file");
        var hasCert = options is not { Cert: "", CertFile: "" };
        var hasKey = options is not { Key: "", KeyFile: "" };
        if (hasCert && !hasKey)
            tls.Error("key_file", "is missing: a client certificate needs its key, in key_file or key");
        if (hasKey && !hasCert)
            tls.Error("cert_file", "is missing: a client key needs its certificate, in cert_file or cert");
        return options;
    }

    private static QueueOptions ReadQueue(MappingReader queue, QueueOptions defaults)
    {
        queue.Unused("known to Prometheus, not used here: a collection is sent at once", "capacity", "min_shards", "batch_send_deadline");
        var options = queue.Options(defaults);
        queue.Done();
        if (options.MinBackoff > options.MaxBackoff)
            queue.Error(queue.Has("min_backoff") ? "min_backoff" : "max_backoff", $"min_backoff {GoDuration.Format(options.MinBackoff)} must not be longer than max_backoff {GoDuration.Format(options.MaxBackoff)}");
        return options;
    }

    private static MetadataOptions ReadMetadata(MappingReader metadata, MetadataOptions defaults)
    {
        var options = metadata.Options(defaults);
        metadata.Done();
        return options;
    }

    private static RelabelOptions ReadRelabel(MappingReader rule)
    {
        var defaults = new RelabelOptions();
        var chosen = rule.Choice<RelabelAction?>("action", null, Actions, ignoreCase: true);
        var options = rule.Options(defaults) with { Action = chosen ?? defaults.Action };
        rule.Done();

        if (!Re2.TryCompileAnchored(options.Regex, out _, out var error))
            rule.Error("regex", $"{Spelling.Quote(options.Regex)} is not a regular expression: {error}");

        // What else a rule needs depends on an action that is known.
        if (chosen is null && rule.Has("action"))
            return options;

        var action = OptionTable.WordOf(options.Action);
        if (options.Action is RelabelAction.Replace or RelabelAction.HashMod or RelabelAction.Lowercase or RelabelAction.Uppercase or RelabelAction.KeepEqual or RelabelAction.DropEqual
            && options.TargetLabel.Length == 0)
            rule.Error("target_label", $"is missing: the action {action} needs one");
        if (options.Action is RelabelAction.HashMod or RelabelAction.Lowercase or RelabelAction.Uppercase or RelabelAction.KeepEqual or RelabelAction.DropEqual
            && options.TargetLabel.Length > 0 && !LabelName.IsValid(options.TargetLabel))
            rule.Error("target_label", $"{Spelling.Quote(options.TargetLabel)} is not a label name; allowed is [a-zA-Z_][a-zA-Z0-9_]*");
        if (options.Action == RelabelAction.HashMod && options.Modulus == 0)
            rule.Error("modulus", "is missing: the action hashmod needs one of at least 1");
        if (options.Action is RelabelAction.LabelDrop or RelabelAction.LabelKeep
            && options != defaults with { Regex = options.Regex, Action = options.Action })
            rule.Error("action", $"{action} goes with regex alone");
        if (options.Action is RelabelAction.KeepEqual or RelabelAction.DropEqual
            && options != defaults with { SourceLabels = options.SourceLabels, TargetLabel = options.TargetLabel, Action = options.Action })
            rule.Error("action", $"{action} goes with source_labels and target_label alone");
        return options;
    }

    private static void OneOf(MappingReader block, string value, string key, string file, string fileKey)
    {
        if (value.Length > 0 && file.Length > 0)
            block.Error(fileKey, $"stands beside {key}; allowed is one of the two");
    }
}
