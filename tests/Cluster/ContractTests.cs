using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Serialization.TypeSystem;
using Orleans.Services;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Grains;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Cluster;

/// <summary>Silos of two versions talk to each other during a rolling upgrade, so their messages have fixed names and numbers of their own.</summary>
public sealed class ContractTests
{
    public static TheoryData<Type> Grains => [.. Types(static t => t.IsInterface && (typeof(IGrain).IsAssignableFrom(t) || typeof(IGrainService).IsAssignableFrom(t)))];

    public static TheoryData<Type> Messages => [.. Types(static t => t.IsDefined(typeof(GenerateSerializerAttribute)))];

    [Theory]
    [MemberData(nameof(Grains))]
    public void A_grain_and_its_methods_have_aliases(Type grain)
    {
        Assert.StartsWith("orleanstempo.", Assert.Single(grain.GetCustomAttributes<AliasAttribute>()).Alias);
        var aliases = grain.GetMethods().Where(static m => !m.IsSpecialName).Select(static m => Assert.Single(m.GetCustomAttributes<AliasAttribute>()).Alias).ToArray();
        Assert.NotEmpty(aliases);
        Assert.Equal(aliases.Distinct(), aliases);
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_has_an_alias_and_its_members_have_numbers(Type message)
    {
        Assert.StartsWith("orleanstempo.", Assert.Single(message.GetCustomAttributes<AliasAttribute>()).Alias);
        var numbers = message.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(static p => p.CanWrite).Select(static p => (int)Assert.Single(p.GetCustomAttributes<IdAttribute>()).Id).ToArray();
        Assert.Equal(Enumerable.Range(0, numbers.Length), numbers.Order());
    }

    /// <summary>
    /// A grain's identity, its place in the cluster's directory and its stored state begin with its type name, which Orleans would otherwise derive
    /// from the class.
    /// </summary>
    [Fact]
    public void Grain_types_keep_their_names_whatever_their_classes_are_called()
    {
        var classes = typeof(TraceGrain).Assembly.GetTypes().Where(static t => t.IsClass && !t.IsAbstract && typeof(IGrain).IsAssignableFrom(t)).OrderBy(static t => t.Name);
        using var services = new ServiceCollection().BuildServiceProvider();
        Assert.Equal(
            ["DistributorGrain: distributor", "MetricsGeneratorGrain: metricsgenerator", "QuerierGrain: querier", "TraceGrain: trace"],
            classes.Select(t => $"{t.Name}: {Assert.Single(t.GetCustomAttributes<GrainTypeAttribute>()).GetGrainType(services, t)}"));
    }

    /// <summary>A grain service has no name of its own: Orleans addresses it by a hash of its interface's name.</summary>
    [Fact]
    public void The_grain_service_keeps_the_name_it_is_addressed_by() =>
        Assert.Equal("OrleansTempo.Grains.Interfaces.IClusterMember,OrleansTempo.Grains.Interfaces", RuntimeTypeNameFormatter.Format(typeof(IClusterMember)));

    [Fact]
    public void The_bytes_between_two_silos_are_those_of_the_first_version()
    {
        using var services = new ServiceCollection().AddSerializer().BuildServiceProvider();
        var serializer = services.GetRequiredService<Serializer>();
        var said = new (string Name, object Message)[]
        {
            ("push answer", new PushAnswer { Status = PushStatus.RateLimited, RejectedSpans = 3, Message = "slow", RetryAfter = TimeSpan.FromSeconds(5) }),
            ("ingest answer", new IngestAnswer { Unavailable = "no", LiveTracesExceeded = [1, 2], TracesTooLarge = [7] }),
            ("found trace", new FoundTrace { Trace = [1, 2], Problems = ["p"] }),
            ("live span", new LiveSpan { SpanId = 1, Kind = SpanKind.Server, StartTimeUnixNano = 2, Resource = 3, Scope = 4, Span = [5] }),
            ("live block", new LiveBlock { BlockId = new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), Meta = [1] }),
            ("member description", new MemberDescription { StoreId = "1a", Store = "here", Partitions = 8 }),
            ("member load", new MemberLoad { Generators = 3, Ingesters = 5, TakesGrains = true, IsMoving = true }),
            ("requests", new OtlpRequests([new byte[] { 1, 2 }, new byte[] { 3 }])),
            ("ask answer", new AskAnswer { State = PushState.Unknown }),
        };

        Assert.Equal(Golden, said.Select(m => $"{m.Name}: {Convert.ToHexString(serializer.SerializeToArray(m.Message))}"));
    }

    private static string[] Golden => File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "golden", "messages-v1.txt"));

    private static IEnumerable<Type> Types(Func<Type, bool> isWanted) => typeof(ITraceGrain).Assembly.GetTypes().Where(t => t.Namespace == typeof(ITraceGrain).Namespace && isWanted(t));
}
