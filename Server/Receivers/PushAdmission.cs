using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// The part of a push that OTLP/HTTP and OTLP/gRPC share, so that a tenant, a phase of the server and a limit mean the same on both. Each receiver reads
/// its own framing and writes its own answer.
/// <code>
///   receiver                     admission
///   path, method, type
///        └─────────────────────► Check: tenant, phase           ─► Refusal
///   length, compression ◄────────┘
///        └─ SentBody ──────────► PushAsync
///                                  RequestBody: room, limit     ─► Refusal, BodyStatus
///                                  decompress, JSON to protobuf ─► BodyStatus, Refusal
///                                  push, until the deadline     ─► Refusal
///   answer ◄─ PushOutcome ───────┘
/// </code>
/// </summary>
/// <param name="maxRequestBytes">The most bytes that a request may have, compressed or not.</param>
/// <param name="multitenancy">Whether requests name their tenants.</param>
/// <param name="state">Whether the server takes pushes.</param>
/// <param name="push">Stores the spans, and counts them.</param>
/// <param name="memory">The memory that all requests share.</param>
internal sealed class PushAdmission(int maxRequestBytes, bool multitenancy, ServerState state, ITracePush push, RequestMemory memory)
{
    public int MaxRequestBytes => maxRequestBytes;

    /// <summary>Refuses what can be refused before the body is read; null if nothing is wrong so far.</summary>
    public Refusal? Check(HttpRequest request, out TenantId tenant)
    {
        if (!TenantHeader.TryRead(request, multitenancy, out tenant, out var missing, out var error))
            return missing ? Refusal.NoTenant(error) : Refusal.Invalid(error);
        return Refusal.For(state.Phase);
    }

    /// <summary>Reads a request's body and pushes its spans.</summary>
    /// <param name="deadline">Ends the wait with an <see cref="OperationCanceledException"/>. The push may outlive the deadline; it owns the bytes.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<PushOutcome> PushAsync(TenantId tenant, SentBody body, CancellationToken deadline)
    {
        try
        {
            var received = await RequestBody.ReceiveAsync(memory, body, maxRequestBytes, deadline);
            if (received.Status == BodyStatus.WrongJson)
                return Refusal.Invalid(received.Error);
            if (received.Bytes is null)
                return PushOutcome.Unreadable(received);

            var pushing = push.PushAsync(tenant, received.Bytes, deadline);
            var result = pushing.IsCompleted || !deadline.CanBeCanceled ? await pushing : await pushing.AsTask().WaitAsync(deadline);
            return Refusal.For(result) is { } refusal ? refusal : PushOutcome.Taken(result);
        }
        catch (RequestMemoryException full)
        {
            return Refusal.For(full);
        }
    }
}
