using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Ports;
using OrleansTempo.Server.Receivers;

namespace OrleansTempo.Server.Api;

/// <summary>
/// A trace by its ID, as Grafana's Tempo data source asks for it: v1 answers with the trace alone and 404 where there is none,
/// v2 with a trace, empty where there is none, and what is to be said of it.
/// <code>
/// tenants, ID, range, phase → 401/400 400 400 503
/// ITraceQuery               → 200 404
/// </code>
/// Where the request names several tenants, each is asked, and what they have of the trace is one trace.
/// </summary>
internal sealed class TraceApi(ITraceQuery traces, TempoServerOptions options, ServerState state, TempoMetrics metrics, TimeProvider time)
{
    public const string TraceIdParameter = "traceID";

    public const string PathV1 = $"/api/traces/{{{TraceIdParameter}}}";
    public const string PathV2 = $"/api/v2/traces/{{{TraceIdParameter}}}";

    private const string Protobuf = "application/protobuf";
    private const string Json = "application/json";

    // v1's answer has no place for it.
    private const string ProblemHeader = "X-Tempo-Partial-Trace";
    private const int MaxHeaderText = 1000;

    // In Tempo the query frontend asks a querier for it, under such a path.
    private readonly string _querierRouteV1 = RequestLabels.RouteOf("/querier" + options.HttpApiPrefix + PathV1);
    private readonly string _querierRouteV2 = RequestLabels.RouteOf("/querier" + options.HttpApiPrefix + PathV2);

    public async Task AnswerV1Async(HttpContext context)
    {
        if (await FindAsync(context, _querierRouteV1) is not { } trace)
            return;

        var response = context.Response;
        if (trace.IsEmpty && trace.Message.Length > 0)
        {
            await PlainText.WriteAsync(response, StatusCodes.Status500InternalServerError, $"the trace was not found, but not all data could be read: {trace.Message}\n");
            return;
        }

        if (trace.IsEmpty)
        {
            response.StatusCode = StatusCodes.Status404NotFound;
            response.ContentLength = 0;
            return;
        }

        if (trace.Message.Length > 0)
            response.Headers[ProblemHeader] = HeaderText(trace.Message);
        var isProtobuf = WantsProtobuf(context.Request);
        response.ContentType = isProtobuf ? Protobuf : Json;
        if (!HttpMethods.IsHead(context.Request.Method))
            await (isProtobuf ? TraceProtobuf.WriteV1Async(trace, response.BodyWriter, context.RequestAborted) : TraceJson.WriteV1Async(trace, response.BodyWriter, context.RequestAborted));
    }

    public async Task AnswerV2Async(HttpContext context)
    {
        if (await FindAsync(context, _querierRouteV2) is not { } trace)
            return;

        var response = context.Response;
        var isProtobuf = WantsProtobuf(context.Request);
        response.ContentType = isProtobuf ? Protobuf : Json;
        if (!HttpMethods.IsHead(context.Request.Method))
            await (isProtobuf ? TraceProtobuf.WriteV2Async(trace, response.BodyWriter, context.RequestAborted) : TraceJson.WriteV2Async(trace, response.BodyWriter, context.RequestAborted));
    }

    // Null where the request is refused, and answered.
    private async Task<AssembledTrace?> FindAsync(HttpContext context, string querierRoute)
    {
        var request = context.Request;
        if (!TenantHeader.TryReadAll(request, options.MultitenancyEnabled, out var tenants, out var missing, out var tenantError))
        {
            await PlainText.WriteAsync(context.Response, missing ? StatusCodes.Status401Unauthorized : StatusCodes.Status400BadRequest, tenantError + "\n");
            return null;
        }

        if (tenants.Count > 1 && !options.MultiTenantQueriesEnabled)
        {
            await PlainText.WriteAsync(context.Response, StatusCodes.Status400BadRequest, $"{TenantHeader.Several(request)}, and query_frontend.multi_tenant_queries_enabled is false. Send one request per tenant\n");
            return null;
        }

        if (!TraceParameters.TryReadTraceId((string)request.RouteValues[TraceIdParameter]!, out var id, out var error) || !TraceParameters.TryReadRange(request.Query, out var range, out error))
        {
            await PlainText.WriteAsync(context.Response, StatusCodes.Status400BadRequest, error);
            return null;
        }

        // Until the write-ahead log is replayed, a trace that is there would not be found.
        if (state.Phase == ServerPhase.Starting)
        {
            await PlainText.WriteAsync(context.Response, StatusCodes.Status503ServiceUnavailable, "starting\n");
            return null;
        }

        var started = time.GetTimestamp();
        var status = StatusCodes.Status500InternalServerError;
        try
        {
            var trace = AssembledTrace.From(await FindAsync(tenants, id, range, context.RequestAborted));
            status = trace.IsEmpty ? StatusCodes.Status404NotFound : StatusCodes.Status200OK;
            return trace;
        }
        catch (OperationCanceledException)
        {
            status = RequestLabels.ClientGone;
            throw;
        }
        finally
        {
            metrics.RecordRequest(HttpMethods.Get, querierRoute, RequestLabels.Status(status), time.GetElapsedTime(started));
        }
    }

    // A tenant that cannot be asked fails the query: an answer without its spans would look like a whole trace.
    private async ValueTask<TraceAnswer> FindAsync(IReadOnlyList<TenantId> tenants, TraceId id, TraceRange range, CancellationToken cancellation)
    {
        if (tenants is [var one])
            return await FindAsync(one, id, range, cancellation);
        return TraceAnswer.Merge(id, await Task.WhenAll(tenants.Select(tenant => FindAsync(tenant, id, range, cancellation))));
    }

    // A name that nobody has sent anything for is counted without it: series stay, and whoever may read could make up names until real ones find no room.
    private async Task<TraceAnswer> FindAsync(TenantId tenant, TraceId id, TraceRange range, CancellationToken cancellation)
    {
        var (isFound, result) = (false, "completed");
        try
        {
            var answer = await traces.FindAsync(tenant, id, range, cancellation);
            isFound = answer.Spans.Spans.Count > 0;
            return answer;
        }
        catch (OperationCanceledException)
        {
            result = "canceled";
            throw;
        }
        finally
        {
            var isKnown = isFound || !options.MultitenancyEnabled || traces.Knows(tenant);
            metrics.QueryFrontendQueries.Add(1, new("tenant", isKnown ? tenant.Value : ""), new("op", "traces"), new("result", result));
        }
    }

    // As Tempo reads it: whatever else the header says, and however it ranks it. JSON for all others.
    private static bool WantsProtobuf(HttpRequest request) => request.Headers.Accept is [{ } accept, ..] && accept.Contains(Protobuf, StringComparison.Ordinal);

    private static string HeaderText(string message) => string.Concat(message.Take(MaxHeaderText).Select(static c => c is >= ' ' and <= '~' ? c : ' '));
}
