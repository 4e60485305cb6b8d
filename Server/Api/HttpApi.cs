using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OrleansTempo.Server.Exposition;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Receivers;

namespace OrleansTempo.Server.Api;

/// <summary>The HTTP API's listener: paths to handlers, and the pages every host has.</summary>
internal sealed class HttpApi
{
    private readonly RouteTable _routes = new();
    private readonly TempoServerOptions _options;
    private readonly TempoServerParts _parts;
    private readonly ServerState _state;
    private readonly StatusPages _status;

    public HttpApi(TempoServerOptions options, TempoServerParts parts, ServerState state, Func<IReadOnlyDictionary<string, EndPoint>> addresses)
    {
        _options = options;
        _parts = parts;
        _state = state;
        _status = new(parts, addresses, () => _routes.Routes);

        Add(new("/ready", "200 while the server accepts spans", ReadyAsync));
        Add(new("/generator/metrics", "a tenant's generated series", GeneratorMetricsAsync));
        Add(new("/status", "all of the status pages", context => PlainText.WriteAsync(context.Response, _status.All())));
        Add(new("/status/version", "version", static context => PlainText.WriteAsync(context.Response, StatusPages.Version())));
        Add(new("/status/services", "components", context => PlainText.WriteAsync(context.Response, _status.Services())));
        Add(new("/status/endpoints", "listeners and paths", context => PlainText.WriteAsync(context.Response, _status.Endpoints())));
        Add(new("/status/config", "the configuration in use, secrets masked", context => PlainText.WriteAsync(context.Response, _status.Config())));
        Add(new("/api/echo", "answers \"echo\"", static context => PlainText.WriteAsync(context.Response, "echo")));
        Add(new("/api/status/buildinfo", "build information as JSON", BuildInfoAsync));
        if (parts.RemoteWrite is { } queues)
            Add(new("/status/remote-write", "lag, queue and failures of remote write, by endpoint and tenant", new RemoteWritePage(queues).AnswerAsync));
        if (parts.Traces is { } traces)
        {
            var api = new TraceApi(traces, options, state, parts.Metrics, parts.TimeProvider);
            Add(new(TraceApi.PathV1, "a trace by its ID", api.AnswerV1Async));
            Add(new(TraceApi.PathV2, "a trace by its ID, with metrics and a status", api.AnswerV2Async));
        }

        if (parts.Ingester is { } ingester)
        {
            var api = new IngesterApi(ingester, parts.LoggerFactory.CreateLogger<IngesterApi>());
            string[] methods = [HttpMethods.Get, HttpMethods.Post];
            Add(new("/flush", "writes live traces into blocks, for all tenants or for ?tenant=", api.FlushAsync) { Methods = methods, AdminMethods = methods });
            Add(new("/shutdown", "stops accepting spans and stores everything", api.ShutdownAsync) { Methods = methods, AdminMethods = methods });
        }

        if (parts.Overrides is { } overrides)
        {
            var pages = new OverridesPages(overrides, parts.TimeProvider);
            Add(new("/status/overrides", "tenants with overrides", pages.TenantsAsync));
            Add(new($"/status/overrides/{{{OverridesPages.TenantParameter}}}", "a tenant's overrides, secrets masked", pages.TenantAsync));
            Add(new("/status/runtime_config", "the per-tenant overrides, secrets masked; ?mode=diff shows only what differs from the defaults", pages.RuntimeConfigAsync));
            if (overrides.UserConfigurable is { } userConfigurable)
                Add(new("/api/overrides", "overrides that a tenant sets for itself", new OverridesApi(userConfigurable, options.MultitenancyEnabled).AnswerAsync) { Methods = OverridesApi.Methods, AdminMethods = OverridesApi.ChangingMethods });
        }

        foreach (var route in parts.Routes)
            Add(route);
    }

    /// <summary>What a request is counted for.</summary>
    public string RouteOf(HttpRequest request) => _routes.TryFind(request, out var route) ? route.Label : RequestLabels.NoRoute;

    public Task HandleAsync(HttpContext context)
    {
        if (!_routes.TryFind(context.Request, out var route))
            return PlainText.WriteAsync(context.Response, StatusCodes.Status404NotFound, "404 page not found\n");
        if (route.AdminMethods.Contains(context.Request.Method))
        {
            if (AdminAccess.IsForAnotherSitesPage(context.Request))
                return PlainText.WriteAsync(context.Response, StatusCodes.Status403Forbidden, AdminAccess.RefusalOfPage);
            if (!_options.AdminFromAnywhere && !AdminAccess.IsFromThisMachine(context))
                return PlainText.WriteAsync(context.Response, StatusCodes.Status403Forbidden, AdminAccess.Refusal);
        }

        if (route.Methods.Contains(context.Request.Method))
            return route.Handler(context);
        context.Response.Headers.Allow = string.Join(", ", route.Methods);
        return PlainText.WriteAsync(context.Response, StatusCodes.Status405MethodNotAllowed, $"send {string.Join(" or ", route.Methods.Where(static m => !HttpMethods.IsHead(m)))}\n");
    }

    private void Add(ApiRoute route)
    {
        var path = route.Path.StartsWith("/api/", StringComparison.Ordinal) ? _options.HttpApiPrefix + route.Path : route.Path;
        _routes.Add(route with { Path = path, Label = RequestLabels.RouteOf(path) });
    }

    private Task ReadyAsync(HttpContext context) => _state.Phase switch
    {
        ServerPhase.Ready when _parts.NotReadyBecause() is { } reason => PlainText.WriteAsync(context.Response, StatusCodes.Status503ServiceUnavailable, reason + "\n"),
        ServerPhase.Ready => PlainText.WriteAsync(context.Response, "ready\n"),
        ServerPhase.Starting => PlainText.WriteAsync(context.Response, StatusCodes.Status503ServiceUnavailable, "starting\n"),
        _ => PlainText.WriteAsync(context.Response, StatusCodes.Status503ServiceUnavailable, "shutting down\n"),
    };

    private async Task GeneratorMetricsAsync(HttpContext context)
    {
        if (!TenantHeader.TryRead(context.Request, _options.MultitenancyEnabled, out var tenant, out var missing, out var error))
        {
            await PlainText.WriteAsync(context.Response, missing ? StatusCodes.Status401Unauthorized : StatusCodes.Status400BadRequest, error + "\n");
            return;
        }

        if (await _parts.Series.ReadAsync(tenant, context.RequestAborted) is not { } reading)
        {
            await PlainText.WriteAsync(context.Response, StatusCodes.Status404NotFound, $"tenant '{tenant}' has no metrics-generator\n");
            return;
        }

        var format = ExpositionNegotiation.Choose(context.Request);
        context.Response.ContentType = ExpositionNegotiation.ContentType(format);
        if (!HttpMethods.IsHead(context.Request.Method))
            await new GeneratorPage(reading, _options.TraceIdLabelName).WriteAsync(context.Response.BodyWriter, format, context.RequestAborted);
    }

    private static async Task BuildInfoAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(StatusPages.BuildInfo());
    }
}
