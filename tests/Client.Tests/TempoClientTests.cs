using Google.Protobuf;
using Orleans.Runtime;
using Orleans.Runtime.Messaging;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Grains.Interfaces;
using OrleansTempo.Tests.Otlp;
using Collector = OrleansTempo.Tests.Otlp.Collector;

namespace OrleansTempo.Client.Tests;

/// <summary>What is sent, tried again and given up, on a clock of the test's own.</summary>
public sealed class TempoClientTests
{
    private static readonly byte[] s_request = [10, 0];

    private readonly string _tenant = Guid.NewGuid().ToString("N");
    private readonly ManualTimeProvider _time = new();
    private readonly TempoClientOptions _options;

    public TempoClientTests() => _options = new TempoClientOptions { Tenant = _tenant };

    private FakeTempo Fake => FakeTempo.Of(_tenant);

    [Fact]
    public async Task Request_that_is_not_taken_is_sent_again_after_the_wait_that_the_cluster_wants()
    {
        AnswerInTurn(
            new PushAnswer { Status = PushStatus.Unavailable, Message = "shutting down", RetryAfter = TimeSpan.FromSeconds(1) },
            new PushAnswer { Status = PushStatus.RateLimited, Message = "RATE_LIMITED", RetryAfter = TimeSpan.FromSeconds(2) });
        var result = Client().IngestAsync(s_request);

        await _time.PassAsync(TimeSpan.FromMilliseconds(1050));
        await _time.PassAsync(TimeSpan.FromMilliseconds(2100));

        Assert.Equal(IngestResult.Accepted, await result);
        Assert.Equal(3, Fake.Received.Count);
    }

    [Fact]
    public async Task Call_that_no_silo_answers_is_made_again_at_growing_distances()
    {
        var failures = new Queue<Exception>([new SiloUnavailableException("gone"), new TimeoutException("no answer"), new ConnectionFailedException("no gateway")]);
        Fake.Answer = _ => failures.TryDequeue(out var failure) ? throw failure : Task.FromResult(new PushAnswer());
        var result = Client().IngestAsync(s_request);

        await _time.PassAsync(TimeSpan.FromMilliseconds(50));
        await _time.PassAsync(TimeSpan.FromMilliseconds(100));
        await _time.PassAsync(TimeSpan.FromMilliseconds(200));

        Assert.True((await result).IsComplete);
    }

    [Fact]
    public async Task Request_is_given_up_when_the_next_try_would_be_too_late()
    {
        _options.RetryFor = TimeSpan.FromSeconds(3);
        Fake.Answer = _ => Task.FromResult(new PushAnswer { Status = PushStatus.Unavailable, Message = "no room", RetryAfter = TimeSpan.FromSeconds(2) });
        var result = Client().IngestAsync(s_request);

        await _time.PassAsync(TimeSpan.FromMilliseconds(2050));

        var error = await Assert.ThrowsAsync<TempoUnavailableException>(() => result);
        Assert.Equal("no room", error.Message);
        Assert.Equal(TimeSpan.FromSeconds(2), error.RetryAfter);
        Assert.Equal(2, Fake.Received.Count);
    }

    [Fact]
    public async Task Request_is_given_up_after_as_many_tries_as_are_allowed()
    {
        _options.MaxRetries = 1;
        Fake.Answer = _ => throw new TimeoutException("no answer");
        var result = Client().IngestAsync(s_request);

        await _time.PassAsync(TimeSpan.FromMilliseconds(50));

        var error = await Assert.ThrowsAsync<TempoUnavailableException>(() => result);
        Assert.IsType<TimeoutException>(error.InnerException);
        Assert.Equal(2, Fake.Received.Count);
    }

    [Fact]
    public async Task Request_that_is_larger_than_the_rate_ever_allows_is_not_sent_again()
    {
        Fake.Answer = _ => Task.FromResult(new PushAnswer { Status = PushStatus.TooLarge, Message = "RATE_LIMITED: over the burst size" });

        var error = await Assert.ThrowsAsync<TempoTooLargeException>(() => Client().IngestAsync(s_request));

        Assert.Equal("RATE_LIMITED: over the burst size", error.Message);
        Assert.Null(error.RetryAfter);
        Assert.Single(Fake.Received);
    }

    [Fact]
    public async Task Bytes_that_are_no_request_are_not_sent_again()
    {
        Fake.Answer = _ => Task.FromResult(new PushAnswer { Status = PushStatus.Malformed, Message = "at byte 0" });

        var error = await Assert.ThrowsAsync<TempoMalformedException>(() => Client().IngestAsync(s_request));

        Assert.Equal("at byte 0", error.Message);
        Assert.Single(Fake.Received);
    }

    [Fact]
    public async Task Cancelling_ends_the_wait_for_the_next_try()
    {
        Fake.Answer = _ => throw new TimeoutException("no answer");
        using var cancellation = new CancellationTokenSource();
        var result = Client().IngestAsync(s_request, cancellationToken: cancellation.Token);

        await _time.TimerOf(TimeSpan.FromMilliseconds(50));
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => result);
        Assert.Single(Fake.Received);
    }

    [Fact]
    public async Task Who_sends_more_than_may_be_under_way_waits()
    {
        _options.MaxConcurrentRequests = 2;
        var answer = new TaskCompletionSource<PushAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        Fake.Answer = _ => answer.Task;
        using var client = Client();

        Task<IngestResult>[] results = [client.IngestAsync(s_request), client.IngestAsync(s_request), client.IngestAsync(s_request)];
        var underWay = Fake.Received.Count;
        answer.SetResult(new PushAnswer());
        await Task.WhenAll(results);

        Assert.Equal(2, underWay);
        Assert.Equal(3, Fake.Received.Count);
    }

    [Fact]
    public async Task Generated_request_is_sent_whichever_class_it_is()
    {
        var request = new Collector.ExportTraceServiceRequest { ResourceSpans = { new ResourceSpans { ScopeSpans = { new ScopeSpans { Spans = { new Span { Name = "GET" } } } } } } };

        await Client().IngestAsync(request);

        Assert.Equal(request.ToByteArray(), Assert.Single(Fake.Received));
    }

    [Fact]
    public async Task Another_message_is_refused_by_name()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => Client().IngestAsync(new Span()));

        Assert.Contains("orleanstempo.otlp.Span", error.Message);
    }

    [Fact]
    public async Task Request_that_is_too_large_is_refused_and_not_sent()
    {
        _options.MaxRequestBytes = 1;

        var error = await Assert.ThrowsAsync<ArgumentException>(() => Client().IngestAsync(s_request));

        Assert.Contains("2 bytes", error.Message);
        Assert.Empty(Fake.Received);
    }

    [Fact]
    public async Task Caller_may_change_the_bytes_when_it_no_longer_waits()
    {
        byte[] request = [10, 0];
        var connection = new SlowConnection();
        using var client = new TempoClient(() => connection, static () => new FakeQuerierGrain(), _options, new ActivityLimits(), _time, new LowestRandom());
        using var cancellation = new CancellationTokenSource();

        var result = client.IngestAsync(request, cancellationToken: cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => result);
        request[0] = 99;

        Assert.Equal([10, 0], Assert.Single(connection.Requests!.Bytes).ToArray());
    }

    [Fact]
    public async Task Request_goes_to_the_tenant_that_it_names()
    {
        var other = _tenant + "-other";

        await Client().IngestAsync(s_request, other);

        Assert.Empty(Fake.Received);
        Assert.Single(FakeTempo.Of(other).Received);
        await Assert.ThrowsAsync<ArgumentException>(() => Client().IngestAsync(s_request, "a/b"));
    }

    [Fact]
    public async Task Activities_are_sent_in_as_many_requests_as_it_takes()
    {
        using var shop = new RecordedActivities();
        var activities = Enumerable.Range(0, 9).Select(i => shop.Record($"span {i}")).ToArray();
        _options.MaxRequestBytes = 300;

        var result = await Client().IngestAsync(activities);

        Assert.Equal(IngestResult.Accepted, result);
        Assert.All(Fake.Received, static request => Assert.InRange(request.Length, 1, 300));
        Assert.True(Fake.Received.Count > 1);
        Assert.Equal(activities.Select(static a => a.DisplayName), Fake.Spans.Select(static s => s.Name));
    }

    [Fact]
    public async Task Span_that_is_too_large_for_a_request_is_rejected_alone()
    {
        using var shop = new RecordedActivities();
        _options.MaxRequestBytes = 500;

        var result = await Client().IngestAsync([shop.Record("small"), shop.Record(new string('x', 500)), shop.Record("small too")]);

        Assert.Equal(1, result.RejectedSpans);
        Assert.Contains("more than MaxRequestBytes (500)", result.Message);
        Assert.Equal(["small", "small too"], Fake.Spans.Select(static s => s.Name));
    }

    [Fact]
    public async Task No_activities_are_no_request()
    {
        Assert.Equal(IngestResult.Accepted, await Client().IngestAsync([]));
        Assert.Empty(Fake.Received);
    }

    [Fact]
    public async Task Trace_of_which_nothing_could_be_looked_at_is_not_unknown()
    {
        Fake.Traces["000000000000000000000000000000ab"] = new FoundTrace { Problems = ["no silo answers"] };

        var trace = await Client().GetTraceAsync("ab");

        Assert.NotNull(trace);
        Assert.True(trace.Bytes.IsEmpty);
        Assert.Equal(["no silo answers"], trace.Problems);
        await Assert.ThrowsAsync<ArgumentException>(() => Client().GetTraceAsync("xyz"));
    }

    private TempoClient Client() => new(static () => new FakeDistributorGrain(), static () => new FakeQuerierGrain(), _options, new ActivityLimits(), _time, new LowestRandom());

    private void AnswerInTurn(params PushAnswer[] answers)
    {
        var left = new Queue<PushAnswer>(answers);
        Fake.Answer = _ => Task.FromResult(left.TryDequeue(out var answer) ? answer : new PushAnswer());
    }

    // It has the request, and will read it at some time.
    private sealed class SlowConnection : IDistributorGrain
    {
        public OtlpRequests? Requests { get; private set; }

        public Task<PushAnswer[]> PushAsync(string tenant, OtlpRequests requests)
        {
            Requests = requests;
            return new TaskCompletionSource<PushAnswer[]>().Task;
        }
    }
}
