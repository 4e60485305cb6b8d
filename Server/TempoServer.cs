using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Configuration.Server;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Server.Api;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Logging;
using OrleansTempo.Server.Receivers;

namespace OrleansTempo.Server;

/// <summary>
/// The network side of Tempo: one Kestrel with three listeners, more where there are several OTLP receivers, each with a handler of its own.
/// <code>
/// OTLP/gRPC  4317 ─ OtlpGrpcReceiver ─┐
/// OTLP/HTTP  4318 ─ OtlpHttpReceiver ─┴─ ITracePush
/// HTTP API   3200 ─ HttpApi ──────────── ITraceQuery, IIngesterAdmin, ITenantSeries, pages, further routes
/// </code>
/// Its life: <see cref="StartAsync"/> (listening, not ready), <see cref="MarkReady"/>, <see cref="BeginStopping"/> (pushes
/// refused, pages still there), <see cref="StopAsync"/> (nothing listens any more).
/// </summary>
public sealed class TempoServer : IAsyncDisposable
{
    /// <summary>The name of the API's listener; the others take OTLP.</summary>
    public const string ApiListener = "http api";

    // Against Kestrel's own 4 KiB this halves the CPU of a 275 KB request; larger blocks gain nothing more.
    private const int BlockBytes = 64 << 10;

    private readonly WebApplication _host;
    private readonly IServer _server;
    private readonly HttpApi _api;
    private readonly TempoServerParts _parts;
    private readonly List<(string Name, ListenOptions Listener, bool IsProtected)> _listeners = [];

    /// <exception cref="ArgumentException">An endpoint, a TLS file or another option is wrong; the message names it.</exception>
    public TempoServer(TempoServerOptions options, TempoServerParts parts)
    {
        _parts = parts;
        _api = new(options, parts, State, () => Addresses);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton<ILoggerFactory>(new LimitedLoggerFactory(parts.LoggerFactory, parts.TimeProvider));
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => Configure(kestrel, options, parts));
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>>(new BlockMemoryPoolFactory(BlockBytes));
        ApiResponseCompression.AddTo(builder.Services);
        _host = builder.Build();
        try
        {
            _server = _host.Services.GetRequiredService<IServer>();
        }
        catch
        {
            ((IDisposable)_host).Dispose();
            throw;
        }
    }

    public ServerState State { get; } = new();

    /// <summary>Where each listener is bound, by its name (<c>otlp/grpc</c>, <c>otlp/2/http</c>, <c>http api</c>); real ports once started.</summary>
    public IReadOnlyDictionary<string, EndPoint> Addresses => _listeners.ToDictionary(static l => l.Name, static l => l.Listener.EndPoint);

    /// <summary>Those of <see cref="Addresses"/> that other machines reach, and that require no client certificate.</summary>
    public IReadOnlyDictionary<string, EndPoint> UnprotectedAddresses => _listeners
        .Where(static l => !l.IsProtected && !(l.Listener.EndPoint is IPEndPoint { Address: var address } && IPAddress.IsLoopback(address)))
        .ToDictionary(static l => l.Name, static l => l.Listener.EndPoint);

    /// <summary>Starts listening; not ready yet.</summary>
    /// <exception cref="IOException">An address is in use or cannot be bound.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var logger = _host.Services.GetRequiredService<ILoggerFactory>().CreateLogger<ListenerApplication>();
        try
        {
            await _server.StartAsync(new ListenerApplication(_parts.Metrics, _parts.TimeProvider, logger), cancellationToken);
        }
        catch (SocketException e)
        {
            // Kestrel says by itself only that an address is in use: not that it is another machine's, or needs a right.
            var addresses = string.Join(", ", _listeners.Select(static l => $"{l.Name} {l.Listener.EndPoint}"));
            throw new IOException($"An address cannot be listened on: {e.Message} (one of {addresses})", e);
        }
    }

    /// <summary>From now on spans are taken and <c>/ready</c> says so.</summary>
    public void MarkReady() => State.MoveTo(ServerPhase.Ready);

    /// <summary>From now on new pushes are told to come back later; those in flight finish and the pages still answer.</summary>
    public void BeginStopping() => State.MoveTo(ServerPhase.Stopping);

    /// <summary>Stops listening and waits for requests in flight, until <paramref name="cancellationToken"/> cuts them off.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        BeginStopping();
        return _server.StopAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        BeginStopping();
        await _host.DisposeAsync();
    }

    private void Configure(KestrelServerOptions kestrel, TempoServerOptions options, TempoServerParts parts)
    {
        kestrel.AddServerHeader = false;

        // The receivers have limits of their own, which answer in their protocols' words.
        kestrel.Limits.MaxRequestBodySize = null;

        foreach (var grpc in options.OtlpGrpc)
            Listen(kestrel, parts.TimeProvider, grpc.Receiver + "/grpc", grpc, HttpProtocols.Http2, new(new OtlpGrpcReceiver(Admission(grpc, "grpc"), State, parts.TimeProvider).HandleAsync, GrpcAnswer.FailureAsync, takesCalls: true, OtlpGrpcReceiver.RouteOf));
        foreach (var http in options.OtlpHttp)
            Listen(kestrel, parts.TimeProvider, http.Receiver + "/http", http, ForHttp(http), new(new OtlpHttpReceiver(http, Admission(http, "http")).HandleAsync, PlainText.WriteFailureAsync, takesCalls: false, request => OtlpHttpReceiver.RouteOf(request, http)));
        Listen(kestrel, parts.TimeProvider, ApiListener, options.HttpApi, ForHttp(options.HttpApi), new(ApiResponseCompression.Around(_api.HandleAsync, kestrel.ApplicationServices), PlainText.WriteFailureAsync, takesCalls: false, _api.RouteOf));

        // As in Tempo, several receivers of one protocol count together.
        PushAdmission Admission(ListenerOptions listener, string transport) =>
            new(listener.MaxRequestBytes, options.MultitenancyEnabled, State, new CountedPush(parts.Push, parts.Metrics, "otlp", transport), parts.RequestMemory);
    }

    // Without TLS there is no negotiation, and a browser or curl means HTTP/1.1.
    private static HttpProtocols ForHttp(ListenerOptions options) => options.Tls is null ? HttpProtocols.Http1 : HttpProtocols.Http1AndHttp2;

    private void Listen(KestrelServerOptions kestrel, TimeProvider time, string name, ListenerOptions options, HttpProtocols protocols, ListenerFeature feature)
    {
        var address = ListenAddress.Parse(name, options.Endpoint);
        if (address.IsLocalhost)
            kestrel.ListenLocalhost(address.Port, Configure);
        else
            kestrel.Listen(address.Resolve(name), Configure);

        void Configure(ListenOptions listener)
        {
            listener.Protocols = protocols;
            if (options.Tls is { } tls)
                listener.UseHttps(https => ListenerCertificates.Apply(name, tls, https));
            listener.Use(next => connection =>
            {
                connection.Features.Set<IListenerFeature>(feature);
                connection.Features.Set(new CancelledRequests(connection, time));
                return next(connection);
            });
            _listeners.Add((name, listener, options.Tls is { ClientAuthType: ClientAuthType.RequireAndVerifyClientCert }));
        }
    }
}
