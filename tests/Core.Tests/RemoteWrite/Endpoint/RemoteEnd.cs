using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Tests.RemoteWrite.Messages;
using OrleansTempo.Tests.Prometheus;
using OrleansTempo.Tests.Prometheus.V2;

namespace OrleansTempo.Core.Tests.RemoteWrite.Endpoint;

/// <summary>A real HTTP server on loopback that keeps the requests it accepts and answers as it is told, 204 unless it is.</summary>
internal sealed class RemoteEnd : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Func<HttpContext, Task>> _answers = new();
    private readonly Lock _gate = new();
    private readonly List<(int Count, TaskCompletionSource Reached)> _watchers = [];

    private RemoteEnd(WebApplication app) => _app = app;

    public string Url { get; private set; } = "";

    /// <summary>Whether what it has not been told an answer for is answered with 503.</summary>
    public bool IsDown { get; set => Volatile.Write(ref field, value); }

    /// <summary>Answers what it has not been told an answer for, where it is set.</summary>
    public Func<HttpContext, WriteRequest, Task>? Handler { get; set => Volatile.Write(ref field, value); }

    /// <summary>Headers and body of every request, in the order of their arrival.</summary>
    public List<(Dictionary<string, string> Headers, WriteRequest Body)> Received { get; } = [];

    /// <summary>Like <see cref="Received"/>, without those that were not answered with a 2xx.</summary>
    public List<WriteRequest> Accepted { get; } = [];

    /// <summary>The 2.0 requests that were answered with a 2xx.</summary>
    public List<Request> AcceptedV2 { get; } = [];

    /// <summary>The samples accepted, without metadata, in order: <c>service=value</c>.</summary>
    public IEnumerable<string> AcceptedSamples
    {
        get
        {
            lock (_gate)
                return [.. Accepted.SelectMany(r => r.Timeseries).Select(s => $"{s.Labels[^1].Value}={s.Samples[^1].Value}")];
        }
    }

    public static async Task<RemoteEnd> StartAsync(X509Certificate2? certificate = null, Action<X509Certificate2>? onClient = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            if (certificate is null)
                return;
            listen.UseHttps(https =>
            {
                https.ServerCertificate = certificate;
                if (onClient is null)
                    return;
                https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
                https.ClientCertificateValidation = (client, _, _) =>
                {
                    onClient(client);
                    return true;
                };
            });
        }));
        var app = builder.Build();
        var end = new RemoteEnd(app);
        app.MapPost("/{**path}", end.HandleAsync);
        await app.StartAsync();
        end.Url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single() + "/api/v1/write";
        return end;
    }

    /// <summary>What the next request is answered with that has not been told yet.</summary>
    public void Answer(int status, string body = "", params (string Name, string Value)[] headers) => Answer(async context =>
    {
        context.Response.StatusCode = status;
        foreach (var (name, value) in headers)
            context.Response.Headers[name] = value;
        if (body.Length > 0)
            await context.Response.WriteAsync(body);
    });

    public void Answer(Func<HttpContext, Task> answer) => _answers.Enqueue(answer);

    /// <summary>Completes when that many requests have arrived.</summary>
    public Task ArrivedAsync(int count)
    {
        lock (_gate)
        {
            if (Received.Count >= count)
                return Task.CompletedTask;
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _watchers.Add((count, reached));
            return reached.Task.WaitAsync(TimeSpan.FromSeconds(30));
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var isV2 = context.Request.ContentType?.Contains("proto=io.prometheus.write.v2.Request", StringComparison.Ordinal) == true;
        var request = isV2 ? new WriteRequest() : SeriesOf.Parse(body.ToArray());
        Func<HttpContext, Task>? answer;
        lock (_gate)
        {
            _answers.TryDequeue(out answer);
            var headers = context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase);
            headers[":path"] = context.Request.Path;
            headers[":query"] = context.Request.QueryString.ToString();
            headers[":protocol"] = context.Request.Protocol;
            Received.Add((headers, request));
            foreach (var (_, reached) in _watchers.Where(w => w.Count <= Received.Count))
                reached.TrySetResult();
        }

        var v2 = isV2 ? SeriesOf.ParseV2(body.ToArray()) : null;
        if (answer is not null)
        {
            await answer(context);
        }
        else if (Handler is { } handler)
        {
            await handler(context, request);
        }
        else
        {
            context.Response.StatusCode = IsDown ? 503 : 204;
            if (v2 is not null)
            {
                context.Response.Headers["X-Prometheus-Remote-Write-Samples-Written"] = $"{v2.Timeseries.Sum(t => t.Samples.Count)}";
                context.Response.Headers["X-Prometheus-Remote-Write-Histograms-Written"] = $"{v2.Timeseries.Sum(t => t.Histograms.Count)}";
                context.Response.Headers["X-Prometheus-Remote-Write-Exemplars-Written"] = $"{v2.Timeseries.Sum(t => t.Exemplars.Count)}";
            }
        }

        if (context.Response.StatusCode is >= 200 and < 300)
        {
            lock (_gate)
            {
                if (v2 is not null)
                    AcceptedV2.Add(v2);
                else
                    Accepted.Add(request);
            }
        }
    }
}
