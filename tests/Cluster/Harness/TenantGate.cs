using System.Net;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Cluster.Harness;

/// <summary>Stands before a remote end and lets one tenant's requests wait for ever; those of all others it hands on as they are.</summary>
internal sealed class TenantGate : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly HttpClient _http = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Uri _target;
    private readonly string _stuck;
    private int _waiting;

    /// <param name="port">A free one.</param>
    /// <param name="target">The remote end.</param>
    /// <param name="stuck">The tenant, as <c>X-Scope-OrgID</c> names it.</param>
    public TenantGate(int port, Uri target, string stuck)
    {
        _target = target;
        _stuck = stuck;
        Url = new Uri($"http://127.0.0.1:{port}/api/v1/write");
        _listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        _listener.Start();
        _ = AcceptAsync();
    }

    public Uri Url { get; }

    /// <summary>How many requests of the tenant have come.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Close();
        _http.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.GetContextAsync());
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(HttpListenerContext context)
    {
        try
        {
            using var body = new MemoryStream();
            await context.Request.InputStream.CopyToAsync(body, _stop.Token);
            if (context.Request.Headers["X-Scope-OrgID"] == _stuck)
            {
                Interlocked.Increment(ref _waiting);
                await Task.Delay(Timeout.Infinite, _stop.Token);
            }

            using var request = new HttpRequestMessage(HttpMethod.Post, _target) { Content = new ByteArrayContent(body.ToArray()) };
            foreach (var name in context.Request.Headers.AllKeys.OfType<string>().Where(static name => name.StartsWith("X-", StringComparison.OrdinalIgnoreCase)))
                request.Headers.Add(name, context.Request.Headers[name]);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", context.Request.Headers["Content-Type"]);
            request.Content.Headers.TryAddWithoutValidation("Content-Encoding", context.Request.Headers["Content-Encoding"]);
            using var answer = await _http.SendAsync(request, _stop.Token);
            context.Response.StatusCode = (int)answer.StatusCode;
            await answer.Content.CopyToAsync(context.Response.OutputStream, _stop.Token);
            context.Response.Close();
        }
        catch (Exception e) when (e is OperationCanceledException or HttpListenerException or HttpRequestException or ObjectDisposedException)
        {
            // The silo gave up, or the test is over.
        }
    }
}
