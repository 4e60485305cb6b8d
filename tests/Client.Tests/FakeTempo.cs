using System.Collections.Concurrent;
using OrleansTempo.Grains.Interfaces;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Client.Tests;

/// <summary>What the fake grains do for one tenant: they answer what a test wants, and keep what they got. Each test has a tenant of its own.</summary>
internal sealed class FakeTempo
{
    private static readonly ConcurrentDictionary<string, FakeTempo> s_tenants = new();

    public ConcurrentQueue<byte[]> Received { get; } = new();

    /// <summary>The traces that were asked for, by their ID in hexadecimal.</summary>
    public ConcurrentDictionary<string, FoundTrace> Traces { get; } = new();

    /// <summary>What is answered to a request; all is accepted by default.</summary>
    public Func<byte[], Task<PushAnswer>> Answer { get; set; } = static _ => Task.FromResult(new PushAnswer());

    public IEnumerable<ExportTraceServiceRequest> Requests => Received.Select(ExportTraceServiceRequest.Parser.ParseFrom);

    public IEnumerable<Span> Spans => Requests.SelectMany(static r => r.ResourceSpans).SelectMany(static r => r.ScopeSpans).SelectMany(static s => s.Spans);

    public static FakeTempo Of(string tenant) => s_tenants.GetOrAdd(tenant, static _ => new FakeTempo());
}
