using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Messages;
using OrleansTempo.Core.RemoteWrite.Queue;

namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>
/// One entry of <c>remote_write</c>: makes single attempts to send a request and returns the outcome; the queue decides when to
/// retry. There is one per process and entry, and all tenants share its connections. Safe for concurrent use.
/// </summary>
public sealed class RemoteWriteEndpoint : IDisposable
{
    // The limit on error texts from a remote end: in UTF-8 no character takes more than four bytes.
    private const int MaxErrorLength = 200;
    private const int MaxErrorBytes = 4 * MaxErrorLength;
    private const int MaxRedirects = 10;

    // For all tenants together: a Prometheus accepts 512 connections in total, and lets the others wait until they time out.
    private const int MaxConnections = 64;

    private static readonly string s_userAgent = "OrleansTempo/" + typeof(RemoteWriteEndpoint).Assembly.GetName().Version!.ToString(3);

    // How long to send 1.0 to a remote end that did not understand 2.0; after an upgrade of the remote end, no restart is needed here.
    private static readonly TimeSpan s_fallback = TimeSpan.FromHours(1);

    private readonly TimeProvider _time;
    private readonly SteadyClock _clock;
    private readonly Uri _target;
    private readonly HttpClient _client;
    private readonly IRemoteWriteCredential? _credential;

    // Until then 1.0 is sent, whatever is configured; in steady milliseconds.
    private long _fallbackUntilMs;

    /// <param name="options">The entry.</param>
    /// <param name="position">The index of the entry in the list, part of its name if it has none of its own.</param>
    /// <param name="time">The clock for timeouts and dates.</param>
    /// <param name="credential">Signs in if the entry has <c>azuread</c>; otherwise null.</param>
    /// <exception cref="ArgumentException">The entry is not valid; the message names the key, the value and what is allowed.</exception>
    public RemoteWriteEndpoint(RemoteWriteOptions options, int position, TimeProvider time, IRemoteWriteCredential? credential = null)
        : this(options, position, time, credential, handler: null)
    {
    }

    /// <inheritdoc cref="RemoteWriteEndpoint(RemoteWriteOptions, int, TimeProvider, IRemoteWriteCredential?)"/>
    /// <param name="handler">Carries requests instead of sockets; null for those.</param>
    internal RemoteWriteEndpoint(RemoteWriteOptions options, int position, TimeProvider time, IRemoteWriteCredential? credential, HttpMessageHandler? handler)
    {
        if (!Uri.TryCreate(options.Url, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps))
            throw new ArgumentException($"remote_write[{position}].url: '{RedactedUrl.Of(options.Url)}' is not an absolute http or https URL");
        foreach (var name in options.Headers.Keys.Concat(options.HttpHeaders.Keys))
        {
            if (name.Equals(HeaderField.Authorization, StringComparison.OrdinalIgnoreCase))
                throw new ArgumentException($"remote_write[{position}]: the header '{name}' cannot be set; use basic_auth or authorization to authenticate");
            if (HeaderField.NameProblem(name) is { } problem)
                throw new ArgumentException($"remote_write[{position}]: '{name}' {problem}");
        }

        if (((object?[])[options.BasicAuth, options.Authorization, options.Azuread]).Count(static way => way is not null) > 1)
            throw new ArgumentException($"remote_write[{position}]: more than one of basic_auth, authorization and azuread is set; set only one");
        if (options.Azuread is not null && credential is null)
            throw new ArgumentException($"remote_write[{position}].azuread: this program is built without Azure sign-in");
        if (options.ProtobufMessage is not (RemoteWriteOptions.MessageV1 or RemoteWriteOptions.MessageV2))
            throw new ArgumentException($"remote_write[{position}].protobuf_message: '{options.ProtobufMessage}' is not known; allowed are {RemoteWriteOptions.MessageV1} and {RemoteWriteOptions.MessageV2}");
        if (options.QueueConfig.MaxSamplesPerSend < 1 || options.QueueConfig.MaxShards < 1)
            throw new ArgumentException($"remote_write[{position}].queue_config: max_samples_per_send and max_shards must be at least 1");

        if (options.QueueConfig.MinBackoff <= TimeSpan.Zero || options.QueueConfig.MaxBackoff < options.QueueConfig.MinBackoff)
            throw new ArgumentException($"remote_write[{position}].queue_config: min_backoff must be greater than 0 and at most max_backoff");
        if (options.RemoteTimeout <= TimeSpan.Zero)
            throw new ArgumentException($"remote_write[{position}].remote_timeout: must be greater than 0");

        Options = options;
        Backlog = new RemoteWriteBacklog(options.QueueConfig.MaxQueueBytes);
        DiskBacklog = new RemoteWriteBacklog(options.QueueConfig.MaxDiskBytes);
        _time = time;
        _clock = new SteadyClock(time);
        _credential = credential;
        _target = new UriBuilder(uri) { UserName = "", Password = "" }.Uri;
        Url = RedactedUrl.Of(_target.AbsoluteUri);
        Name = options.Name.Length > 0 ? options.Name : $"{uri.Host}-{position}";
        UserInfo = Uri.UnescapeDataString(uri.UserInfo);
        try
        {
            Relabeler = options.WriteRelabelConfigs.Count > 0 ? new Relabeler(options.WriteRelabelConfigs) : null;
            _client = new HttpClient(handler ?? CreateHandler(options, uri)) { Timeout = Timeout.InfiniteTimeSpan };
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"remote_write[{position}].{e.Message}", e);
        }
    }

    public RemoteWriteOptions Options { get; }

    /// <summary>The name in logs and metrics; unique if the names of the entries are.</summary>
    public string Name { get; }

    /// <summary>The URL without user, password and the values in its query, so that it may be shown.</summary>
    public string Url { get; }

    /// <summary>The URL with its query, which tells apart what waits for different URLs; must never be shown.</summary>
    internal string FullUrl => _target.AbsoluteUri;

    /// <summary>The protocol in use: as configured, but 1.0 for an hour if the remote end did not understand 2.0.</summary>
    internal RemoteWriteProtocol Protocol =>
        Options.ProtobufMessage == RemoteWriteOptions.MessageV2 && _clock.NowMs >= Interlocked.Read(ref _fallbackUntilMs)
            ? RemoteWriteProtocol.V2
            : RemoteWriteProtocol.V1;

    /// <summary>What the queues of all tenants to this endpoint hold in memory.</summary>
    internal RemoteWriteBacklog Backlog { get; }

    /// <summary>What the queues of all tenants to this endpoint hold in the object store.</summary>
    internal RemoteWriteBacklog DiskBacklog { get; }

    /// <summary>Null if nothing is relabelled.</summary>
    internal Relabeler? Relabeler { get; }

    // user:password of the URL, used like basic_auth, as in Go's client.
    private string UserInfo { get; }

    /// <summary>Creates the endpoints of <c>remote_write</c>, in order.</summary>
    /// <param name="options">The options with the entries.</param>
    /// <param name="time">The clock for timeouts and dates.</param>
    /// <param name="signIn">Creates the credential of an entry with <c>azuread</c>; null if the program cannot sign in at Azure.</param>
    /// <exception cref="ArgumentException">An entry is not valid.</exception>
    public static IReadOnlyList<RemoteWriteEndpoint> CreateAll(GeneratorStorageOptions options, TimeProvider time, Func<AzureAdOptions, IRemoteWriteCredential>? signIn = null) =>
        [.. options.RemoteWrite.Select((entry, position) => new RemoteWriteEndpoint(entry, position, time, entry.Azuread is { } azure ? signIn?.Invoke(azure) : null))];

    public void Dispose() => _client.Dispose();

    /// <summary>Sends 1.0 from now on, for an hour.</summary>
    /// <returns>Whether that is new.</returns>
    internal bool FallBack()
    {
        var now = _clock.Now;
        return Interlocked.Exchange(ref _fallbackUntilMs, (now + s_fallback).ToUnixTimeMilliseconds()) <= now.ToUnixTimeMilliseconds();
    }

    /// <summary>Makes one attempt, within <c>remote_timeout</c>. Every failure is an outcome; only <paramref name="cancellation"/> throws.</summary>
    internal async Task<SendOutcome> SendAsync(RemoteWriteRequest request, RemoteWriteHeaders headers, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(Options.RemoteTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            using var response = await SendFollowingAsync(request, headers, either.Token).ConfigureAwait(false);
            return await OutcomeAsync(request, response, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return new SendOutcome(SendResult.Retry, $"no answer within {Options.RemoteTimeout.TotalSeconds:0.###} s");
        }
        catch (Exception e)
        {
            // No network, an unknown host, refused TLS, a missing secret file: all of these can be fixed from outside, so the attempt is retried.
            return new SendOutcome(SendResult.Retry, FirstLine(e.InnerException is { } inner && !e.Message.Contains(inner.Message) ? $"{e.Message.TrimEnd(' ', ':')}: {inner.Message}" : e.Message));
        }
    }

    private static SocketsHttpHandler CreateHandler(RemoteWriteOptions options, Uri uri)
    {
        var handler = new SocketsHttpHandler
        {
            // .NET would silently turn a redirected POST into a GET, and drop its credentials.
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            UseProxy = options.ProxyUrl.Length > 0,

            MaxConnectionsPerServer = Math.Max(MaxConnections, options.QueueConfig.MaxShards),

            // Longer than the longest collection interval, five minutes, so that the next collection finds the connection open.
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(6),

            // A host name that moves to another address is followed after this time.
            PooledConnectionLifetime = TimeSpan.FromMinutes(15),
        };

        if (options.ProxyUrl.Length > 0)
        {
            if (!Uri.TryCreate(options.ProxyUrl, UriKind.Absolute, out var proxy))
                throw new ArgumentException($"proxy_url: '{RedactedUrl.Of(options.ProxyUrl)}' is not an absolute URL");

            // Without user and password, because .NET's error messages contain the proxy's address.
            handler.Proxy = new WebProxy(new UriBuilder(proxy) { UserName = "", Password = "" }.Uri);
            if (proxy.UserInfo.Split(':', 2) is [var user, var password])
                handler.Proxy.Credentials = new NetworkCredential(Uri.UnescapeDataString(user), Uri.UnescapeDataString(password));
        }

        if (options.TlsConfig is not { } tls)
            return handler;

        // Made once here, so that a missing file is an error at the start and not at the first collection.
        var sslOptions = ClientTls.CreateOptions(tls, uri.IdnHost);
        if (options.ProxyUrl.Length > 0)
        {
            if (tls.ServerName.Length > 0)
                throw new ArgumentException("tls_config.server_name: cannot be used together with proxy_url");
            handler.SslOptions = sslOptions;
        }
        else if (uri.Scheme == Uri.UriSchemeHttps)
        {
            handler.ConnectCallback = (context, cancellation) => ConnectAsync(tls, context.DnsEndPoint, cancellation);
        }

        return handler;
    }

    // The handler's own TLS only knows the server name of the URL, and never reads a certificate again.
    private static async ValueTask<Stream> ConnectAsync(ClientTlsOptions tls, DnsEndPoint remote, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(remote, cancellation).ConfigureAwait(false);
            var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
            await stream.AuthenticateAsClientAsync(ClientTls.CreateOptions(tls, remote.Host), cancellation).ConfigureAwait(false);
            return stream;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // Configured headers were validated before; the content of files and the credential are known only now.
    private async Task<Dictionary<string, IReadOnlyList<string>>> HeadersAsync(RemoteWriteHeaders headers, CancellationToken cancellation)
    {
        var merged = await headers.MergeAsync(Options, cancellation).ConfigureAwait(false);
        if (!merged.ContainsKey(HeaderField.Authorization) && await AuthorizationAsync(cancellation).ConfigureAwait(false) is { } authorization)
            merged[HeaderField.Authorization] = [authorization];
        foreach (var (name, values) in merged)
        {
            if (HeaderField.NameProblem(name) is { } problem)
                throw new InvalidDataException($"the header '{name}' {problem}");
            if (values.Select(HeaderField.ValueProblem).FirstOrDefault(static p => p is not null) is { } valueProblem)
                throw new InvalidDataException($"the value of the header {name} {valueProblem}");
        }

        return merged;
    }

    // Somebody must fix a redirect that cannot be followed, at the remote end or in url; samples wait for that.
    private async Task<HttpResponseMessage> SendFollowingAsync(RemoteWriteRequest request, RemoteWriteHeaders tenant, CancellationToken cancellation)
    {
        var headers = await HeadersAsync(tenant, cancellation).ConfigureAwait(false);
        var target = _target;
        var visited = new HashSet<Uri> { target };
        while (true)
        {
            using var message = CreateMessage(request, target, headers);
            var response = await _client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            var status = (int)response.StatusCode;
            if (!Options.FollowRedirects || status is not (301 or 302 or 303 or 307 or 308))
                return response;

            using (response)
            {
                if (response.Headers.Location is not { } location)
                    throw new HttpRequestException($"server returned HTTP status {status} without a location: check the url");
                var next = new Uri(target, location);
                var shown = RedactedUrl.Of(next.AbsoluteUri);
                if (status is 301 or 302 or 303)
                    throw new HttpRequestException($"server redirects to {Shortened(shown)} with HTTP status {status}, which turns a POST into a GET: set url to the address that takes samples");
                if (!visited.Add(next))
                    throw new HttpRequestException($"server redirects in a circle, back to {Shortened(shown)}: set url to the address that takes samples");
                if (visited.Count > MaxRedirects + 1)
                    throw new HttpRequestException($"stopped after {MaxRedirects} redirects, the last of them to {Shortened(shown)}: set url to the address that takes samples");
                if (next.Host != target.Host || (target.Scheme == Uri.UriSchemeHttps && next.Scheme != Uri.UriSchemeHttps))
                    headers = WithoutCredentials(headers);
                target = next;
            }
        }
    }

    // Any configured header may be a secret. The tenant's name is not, and without it samples would end up with another tenant.
    private static Dictionary<string, IReadOnlyList<string>> WithoutCredentials(Dictionary<string, IReadOnlyList<string>> headers)
    {
        var kept = new Dictionary<string, IReadOnlyList<string>>(StringComparer.OrdinalIgnoreCase);
        if (headers.TryGetValue(RemoteWriteHeaders.OrgIdHeader, out var orgId))
            kept[RemoteWriteHeaders.OrgIdHeader] = orgId;
        return kept;
    }

    private static HttpRequestMessage CreateMessage(RemoteWriteRequest request, Uri target, Dictionary<string, IReadOnlyList<string>> headers)
    {
        var content = new ReadOnlyMemoryContent(request.Body);

        // Spelled as in the specification, without a space, because receivers compare texts. Receivers of 1.0 are older than the parameter.
        content.Headers.TryAddWithoutValidation("Content-Type", request.Protocol == RemoteWriteProtocol.V2 ? "application/x-protobuf;proto=" + RemoteWriteOptions.MessageV2 : "application/x-protobuf");
        content.Headers.ContentEncoding.Add("snappy");
        var message = new HttpRequestMessage(HttpMethod.Post, target)
        {
            Content = content,
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        foreach (var (name, values) in headers)
        {
            // .NET treats some, such as Content-Language, as headers of the content.
            if (!message.Headers.TryAddWithoutValidation(name, values))
                content.Headers.TryAddWithoutValidation(name, values);
        }

        message.Headers.TryAddWithoutValidation("X-Prometheus-Remote-Write-Version", request.Protocol == RemoteWriteProtocol.V2 ? "2.0.0" : "0.1.0");
        message.Headers.TryAddWithoutValidation("User-Agent", s_userAgent);
        return message;
    }

    private async ValueTask<string?> AuthorizationAsync(CancellationToken cancellation)
    {
        if (Options.BasicAuth is { } basic)
        {
            var user = basic.UsernameFile.Length > 0 ? await SecretFile.ReadAsync("basic_auth.username_file", basic.UsernameFile, HeaderField.UserProblem, cancellation).ConfigureAwait(false) : basic.Username;
            var password = basic.PasswordFile.Length > 0 ? await SecretFile.ReadAsync("basic_auth.password_file", basic.PasswordFile, HeaderField.CredentialProblem, cancellation).ConfigureAwait(false) : basic.Password;
            return Basic($"{user}:{password}");
        }

        if (Options.Authorization is { } authorization)
        {
            var credentials = authorization.CredentialsFile.Length > 0
                ? await SecretFile.ReadAsync("authorization.credentials_file", authorization.CredentialsFile, HeaderField.ValueProblem, cancellation).ConfigureAwait(false)
                : authorization.Credentials;
            return $"{authorization.Type} {credentials}";
        }

        if (_credential is not null)
            return await _credential.AuthorizationAsync(cancellation).ConfigureAwait(false);

        return UserInfo.Length > 0 ? Basic(UserInfo.Contains(':') ? UserInfo : UserInfo + ":") : null;
    }

    private static string Basic(string userAndPassword) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(userAndPassword));

    private async Task<SendOutcome> OutcomeAsync(RemoteWriteRequest request, HttpResponseMessage response, CancellationToken cancellation)
    {
        var written = request.Protocol == RemoteWriteProtocol.V2 ? WrittenCounts.Read(response.Headers)?.Within(request) : null;
        if (response.IsSuccessStatusCode)
        {
            // A receiver from before 2.0 that ignores the content type finds no field it knows, and reports success.
            return request.Protocol == RemoteWriteProtocol.V2 && written is null
                ? new SendOutcome(SendResult.NotUnderstood, $"server returned HTTP status {(int)response.StatusCode} without saying what it wrote")
                : SendOutcome.Accepted with { Written = written };
        }

        var status = (int)response.StatusCode;
        var line = await FirstLineAsync(response, cancellation).ConfigureAwait(false);
        var error = string.Create(CultureInfo.InvariantCulture, $"server returned HTTP status {status} {Shortened(response.ReasonPhrase ?? "")}: {line}");
        if (status == 415 && request.Protocol == RemoteWriteProtocol.V2)
            return new SendOutcome(SendResult.NotUnderstood, error);
        var retry = status >= 500 || (status == 429 && Options.QueueConfig.RetryOnHttp429);
        return new SendOutcome(retry ? SendResult.Retry : SendResult.Rejected, error, retry ? RetryAfter(response) : null, retry ? null : written);
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var header = response.Headers.RetryAfter;
        var delay = header?.Delta ?? header?.Date - _time.GetUtcNow();
        return delay > TimeSpan.Zero ? delay : null;
    }

    private static async Task<string> FirstLineAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            var bytes = new byte[MaxErrorBytes];
            var length = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            return Shortened(FirstLine(Encoding.UTF8.GetString(bytes, 0, length)));
        }
        catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException)
        {
            // The status is known, and it decides; only the reason stays unknown.
            return "";
        }
    }

    private static string FirstLine(string text)
    {
        var end = text.AsSpan().IndexOfAny('\r', '\n');
        return (end < 0 ? text : text[..end]).Trim();
    }

    private static string Shortened(string text) =>
        text.Length <= MaxErrorLength ? text : text[..(char.IsHighSurrogate(text[MaxErrorLength - 1]) ? MaxErrorLength - 1 : MaxErrorLength)];
}
