using OrleansTempo.Core.Generator.Registry;

namespace OrleansTempo.Core.Generator.Samples;

/// <summary>
/// The entities that a generator has at one moment, to be visited family by family and some at a time while it goes on counting: each is there once,
/// whatever comes or ends meanwhile.
/// </summary>
internal sealed class SeriesListing
{
    private readonly (EntityTable Table, Entity[] Entities)[] _tables;

    public SeriesListing(IEnumerable<EntityTable> tables)
    {
        _tables = [.. tables.Select(static t => (t, t.Entities.ToArray()))];
        Families = [.. _tables.SelectMany(static t => t.Table.Slots).Select(static s => s.Name.Family).Distinct()];
    }

    public string[] Families { get; }

    /// <summary>Goes through a family's slots of the entities from a place on, until <paramref name="visit"/> has had enough.</summary>
    /// <param name="family">One of <see cref="Families"/>.</param>
    /// <param name="from">Where to begin: 0, or what was returned before.</param>
    /// <param name="visit">Returns how many points a slot was.</param>
    /// <param name="enough">How many points are enough.</param>
    /// <returns>Where to go on; -1 at the end.</returns>
    public int Visit(string family, int from, Func<Entity, MetricSlot, int> visit, int enough)
    {
        var place = 0;
        foreach (var (table, entities) in _tables)
        {
            int[] slots = [.. Enumerable.Range(0, table.Slots.Length).Where(slot => table.Slots[slot].Name.Family == family)];
            for (var i = slots.Length == 0 ? entities.Length : Math.Max(0, from - place); i < entities.Length; i++)
            {
                if (enough <= 0)
                    return place + i;
                foreach (var slot in slots)
                {
                    if (entities[i].FirstSeenMs[slot] != 0)
                        enough -= visit(entities[i], table.Slots[slot]);
                }
            }

            place += entities.Length;
        }

        return -1;
    }
}
